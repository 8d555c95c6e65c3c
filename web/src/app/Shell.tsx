/** The frame of every page: alarm summary and connection always in sight, the rooms at the side. */
import { ActionIcon, AppShell, Burger, Group, Kbd, Menu, ScrollArea, Text, useMantineColorScheme, useComputedColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconLanguage, IconLogout, IconMoon, IconPlugConnected, IconPlugConnectedX, IconSun, IconUser } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { onSignedOut, post } from '../api/client';
import { q } from '../api/queries';
import { stream, useConnection } from '../live/socket';
import { tags } from '../live/store';
import { PRIORITIES, Prio } from '../parts/Prio';
import { LANGUAGES, speak } from './i18n';
import { Rooms } from './Rooms';
import { useMe } from './session';

export function Shell() {
  const { t } = useTranslation();
  const [open, { toggle, close }] = useDisclosure(false);
  const here = useLocation({ select: (location) => location.pathname });
  useEffect(() => {
    stream.open();
    return () => stream.close();
  }, []);
  useEffect(close, [here, close]);
  useLeaving();
  useSlash();
  return (
    <AppShell header={{ height: 52 }} navbar={{ width: 212, breakpoint: 'sm', collapsed: { mobile: !open } }} padding={{ base: 'xs', sm: 'md' }}>
      <a className="skip" href="#main">{t('nav.skip')}</a>
      <AppShell.Header className="lineshaft-header">
        <Group h="100%" px="sm" justify="space-between" wrap="nowrap" gap="xs">
          <Group wrap="nowrap" gap="xs">
            <Burger opened={open} onClick={toggle} hiddenFrom="sm" size="sm" color="white" aria-label={t('nav.menu')} aria-expanded={open} />
            <Link to="/" className="head-link"><Text fw={700} fz={18} visibleFrom="xs">Lineshaft</Text><Text fw={700} fz={18} hiddenFrom="xs" aria-hidden>L</Text><span className="visually-hidden">{t('nav.overview')}</span></Link>
          </Group>
          <AlarmSummary />
          <Group wrap="nowrap" gap={6}>
            <Live />
            <UserMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p={6} bg="var(--card)" className="lineshaft-nav" aria-label={t('nav.rooms')}>
        <ScrollArea><Rooms here={here} /></ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} style={{ minWidth: 0 }}><Outlet /></AppShell.Main>
    </AppShell>
  );
}

/** How many alarms of each priority stand, and whether somebody has seen them: always in sight. */
function AlarmSummary() {
  const { t } = useTranslation();
  const alarms = (useQuery(q.alarms('active')).data?.items ?? []).filter((alarm) => alarm.kind === 'alarm');
  return (
    <Group gap={6} wrap="nowrap" component="nav" aria-label={t('alarm.summary')}>
      {PRIORITIES.map((priority) => {
        const mine = alarms.filter((alarm) => alarm.priority === priority);
        const asking = mine.some((alarm) => alarm.state.includes('unack'));
        return (
          <Link key={priority} to="/alarms" search={{ filter: `p${priority}` }} className={mine.length ? 'head-link' : 'head-link none'}>
            <Prio p={priority} asks={asking} size={22} silent none={mine.length === 0} />
            <span className="visually-hidden">{t('alarm.summaryOf', { priority: t(`priority.${priority}`) })}</span>
            <Text size="sm" fw={mine.length ? 700 : 400} component="span">{mine.length}</Text>
          </Link>
        );
      })}
    </Group>
  );
}

function Live() {
  const { t } = useTranslation();
  const connection = useConnection();
  const Icon = connection === 'lost' ? IconPlugConnectedX : IconPlugConnected;
  return (
    <Group gap={4} wrap="nowrap" role="status" style={connection === 'lost' ? { background: 'var(--alarm-2-fill)', color: '#111', padding: '2px 6px' } : undefined} data-connection={connection}>
      <Icon size={18} stroke={1.7} aria-hidden />
      <Text size="sm" visibleFrom="sm">{t(`live.${connection}`)}</Text>
      <Text className="visually-hidden" hiddenFrom="sm">{t(`live.${connection}`)}</Text>
    </Group>
  );
}

function UserMenu() {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme() === 'dark';
  const next = LANGUAGES.find((language) => language !== i18n.language) ?? 'en';
  const navigate = useNavigate();
  const queries = useQueryClient();
  const leave = async (): Promise<void> => {
    await post('logout').catch(() => undefined);
    queries.clear();
    tags.clear();
    await navigate({ to: '/login' });
  };
  const flip = (): void => setColorScheme(dark ? 'light' : 'dark');
  return (
    <>
      <ActionIcon variant="transparent" c="white" visibleFrom="sm" w="auto" px={6} onClick={() => speak(next)} aria-label={`${t('language.switch')}: ${next.toUpperCase()}`} data-language={next}>
        <IconLanguage size={18} stroke={1.7} aria-hidden /><Text size="sm" ml={4}>{next.toUpperCase()}</Text>
      </ActionIcon>
      <ActionIcon variant="transparent" c="white" visibleFrom="sm" onClick={flip} aria-label={t(dark ? 'scheme.light' : 'scheme.dark')}>{dark ? <IconSun size={18} aria-hidden /> : <IconMoon size={18} aria-hidden />}</ActionIcon>
      <Menu position="bottom-end" width={230}>
        <Menu.Target>
          <ActionIcon variant="transparent" c="white" w="auto" px={4} aria-label={t('nav.userMenu', { name: me.display || me.name })}>
            <IconUser size={20} stroke={1.7} aria-hidden /><Text size="sm" ml={4} visibleFrom="md">{me.display || me.name}</Text>
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>{me.display || me.name} · {me.roles.map((role) => t(`role.${role}`)).join(', ')}</Menu.Label>
          <Menu.Item leftSection={<IconLanguage size={16} aria-hidden />} onClick={() => speak(next)} data-menu-language={next}>{t(`language.${next}`)}</Menu.Item>
          <Menu.Item leftSection={dark ? <IconSun size={16} aria-hidden /> : <IconMoon size={16} aria-hidden />} onClick={flip}>{t(dark ? 'scheme.light' : 'scheme.dark')}</Menu.Item>
          <Menu.Label visibleFrom="sm"><Kbd>/</Kbd> {t('keys.search')} · <Kbd>A</Kbd> {t('keys.acknowledge')}</Menu.Label>
          <Menu.Divider />
          <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => void leave()}>{t('login.leave')}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

/** A session that ended elsewhere leads back to the login, and from there to this page. */
function useLeaving(): void {
  const navigate = useNavigate();
  const queries = useQueryClient();
  useEffect(() => onSignedOut(() => {
    const here = window.location.pathname;
    queries.removeQueries({ queryKey: ['me'] });
    void navigate({ to: '/login', search: here === '/' ? {} : { to: here } });
  }), [navigate, queries]);
}

/** `/` goes to the page's search field. */
function useSlash(): void {
  useEffect(() => {
    const on = (event: KeyboardEvent): void => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || typing(event.target)) return;
      const field = document.querySelector<HTMLInputElement>('[data-search]');
      if (!field) return;
      event.preventDefault();
      field.focus();
      field.select();
    };
    window.addEventListener('keydown', on);
    return () => window.removeEventListener('keydown', on);
  }, []);
}

export const typing = (target: EventTarget | null): boolean => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
