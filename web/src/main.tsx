import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './theme/base.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { I18nextProvider } from 'react-i18next';
import { client } from './api/queries';
import { i18n } from './app/i18n';
import { router } from './app/router';
import { resolver, theme } from './theme/theme';

// After an upgrade the pieces an open tab knows by name are gone: load the page anew, but not in a circle.
window.addEventListener('vite:preloadError', (event) => {
  const before = Number(sessionStorage.getItem('lineshaft.reloaded') ?? 0);
  if (Date.now() - before < 10_000) return;
  event.preventDefault();
  sessionStorage.setItem('lineshaft.reloaded', String(Date.now()));
  window.location.reload();
});

const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      <I18nextProvider i18n={i18n}>
        <MantineProvider theme={theme} cssVariablesResolver={resolver} defaultColorScheme="auto">
          <QueryClientProvider client={client}>
            <Notifications position="bottom-right" limit={4} />
            <RouterProvider router={router} />
          </QueryClientProvider>
        </MantineProvider>
      </I18nextProvider>
    </StrictMode>,
  );
