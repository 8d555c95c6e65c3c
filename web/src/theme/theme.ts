/**
 * ISA-101 and ISA-18.2 as design tokens on top of Mantine: a grey base, saturated colour only for the abnormal,
 * every priority coded by shape, number, text and colour.
 */
import { createTheme, type CSSVariablesResolver } from '@mantine/core';

export const theme = createTheme({
  primaryColor: 'slate',
  primaryShade: { light: 8, dark: 6 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  defaultRadius: 'xs',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: '600' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  colors: { dark: ['#e3e7ea', '#c9d0d5', '#a9b4bc', '#8d9ba5', '#505b64', '#3d464d', '#2e353b', '#262c31', '#1b2024', '#14181b'], slate: ['#f3f5f6', '#e4e8ea', '#c9d0d5', '#aab5bc', '#8d9ba5', '#748490', '#5f707d', '#4b5b67', '#384650', '#26313a'] },
  components: {
    Button: { defaultProps: { variant: 'default' } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.4 } } },
    Badge: { styles: { root: { textTransform: 'none', letterSpacing: 0 } } },
    Table: { defaultProps: { verticalSpacing: 6, horizontalSpacing: 'sm' } },
  },
});

export const resolver: CSSVariablesResolver = () => ({
  variables: {
    '--alarm-1-fill': '#c8102e', '--alarm-2-fill': '#f08a24', '--alarm-3-fill': '#f4d03f', '--alarm-4-fill': '#7fd0e8',
    '--alarm-1-ink': '#ffffff', '--alarm-2-ink': '#111111', '--alarm-3-ink': '#111111', '--alarm-4-ink': '#111111',
  },
  light: {
    '--alarm-1': '#b00d27', '--alarm-2': '#974000', '--alarm-3': '#6f5500', '--alarm-4': '#005672',
    '--mantine-color-body': '#dcdfe1', '--mantine-color-text': '#14191d', '--mantine-color-dimmed': '#48535c', '--mantine-color-placeholder': '#5a656e',
    '--card': '#eef0f1', '--card-raised': '#f7f8f8', '--line': '#b9c0c5', '--line-soft': '#d0d5d8', '--track': '#cfd5d9', '--bar': '#5f707d', '--bar-strong': '#384650',
    '--trend-1': '#384650', '--trend-fill': 'rgba(95,112,125,.16)', '--hatch': 'rgba(20,25,29,.16)',
    '--mantine-color-default-border': '#a9b2b8', '--mantine-color-default': '#f7f8f8', '--mantine-color-default-hover': '#e9ecee', '--mantine-color-error': '#b00d27',
  },
  dark: {
    '--alarm-1': '#ff7d8e', '--alarm-2': '#ff9d4d', '--alarm-3': '#f4d03f', '--alarm-4': '#7fd0e8',
    '--mantine-color-body': '#1b2024', '--mantine-color-text': '#e3e7ea', '--mantine-color-dimmed': '#a9b4bc', '--mantine-color-placeholder': '#a0abb3',
    '--card': '#262c31', '--card-raised': '#2e353b', '--line': '#444e56', '--line-soft': '#363e45', '--track': '#3d464d', '--bar': '#8d9ba5', '--bar-strong': '#c9d0d5',
    '--trend-1': '#c9d0d5', '--trend-fill': 'rgba(170,181,188,.14)', '--hatch': 'rgba(227,231,234,.18)',
    '--mantine-color-default-border': '#505b64', '--mantine-color-default': '#2e353b', '--mantine-color-default-hover': '#38414a', '--mantine-color-error': '#ff7d8e',
  },
});
