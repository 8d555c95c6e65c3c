/** The map of the pages. Each page is a piece of its own, loaded when it is opened. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { client, q } from '../api/queries';
import { Crash, Missing, Waiting } from './Crash';
import { alarmSearch } from './alarmSearch';
import { Shell } from './Shell';
import { trendSearch } from './trendSearch';

const root = createRootRoute({ notFoundComponent: Missing });

async function signedIn(here: string): Promise<void> {
  try {
    await client.ensureQueryData(q.me);
  } catch {
    throw redirect({ to: '/login', search: here === '/' ? {} : { to: here } });
  }
}

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: (search: Record<string, unknown>): { to?: string } => (typeof search.to === 'string' && /^\/(?![/\\])/.test(search.to) ? { to: search.to } : {}),
  component: lazyRouteComponent(() => import('../pages/Login')),
});
const shell = createRoute({ getParentRoute: () => root, id: 'plant', beforeLoad: ({ location }) => signedIn(location.href), component: Shell });

const question = (search: Record<string, unknown>): { sql?: string } => (typeof search.sql === 'string' ? { sql: search.sql } : {});
const table = (search: Record<string, unknown>): { table?: string } => (typeof search.table === 'string' ? { table: search.table } : {});
const position = (search: Record<string, unknown>): { position?: string } => (typeof search.position === 'string' ? { position: search.position } : {});
const model = (search: Record<string, unknown>): { model?: string } => (typeof search.model === 'string' ? { model: search.model } : {});
const forecast = (search: Record<string, unknown>): { of?: string } => (typeof search.of === 'string' ? { of: search.of } : {});
const part = (search: Record<string, unknown>): { part?: string } => (typeof search.part === 'string' ? { part: search.part } : {});
const sheet = (search: Record<string, unknown>): { name?: string } => (typeof search.name === 'string' ? { name: search.name } : {});
const trouble = (search: Record<string, unknown>): { asset?: string; question?: string } => ({ ...(typeof search.asset === 'string' ? { asset: search.asset } : {}), ...(typeof search.question === 'string' ? { question: search.question } : {}) });
const account = (search: Record<string, unknown>): { source?: string; tag?: string } => (typeof search.source === 'string' ? { source: search.source, ...(typeof search.tag === 'string' ? { tag: search.tag } : {}) } : {});
const pages = [
  createRoute({ getParentRoute: () => shell, path: '/', component: lazyRouteComponent(() => import('../pages/Overview')) }),
  createRoute({ getParentRoute: () => shell, path: '/machines/$id', component: lazyRouteComponent(() => import('../pages/Machine')) }),
  createRoute({ getParentRoute: () => shell, path: '/oee', component: lazyRouteComponent(() => import('../pages/Oee')) }),
  createRoute({ getParentRoute: () => shell, path: '/alarms', validateSearch: alarmSearch, component: lazyRouteComponent(() => import('../pages/Alarms')) }),
  createRoute({ getParentRoute: () => shell, path: '/alarm-kpis', component: lazyRouteComponent(() => import('../pages/AlarmKpis')) }),
  createRoute({ getParentRoute: () => shell, path: '/orders', component: lazyRouteComponent(() => import('../pages/Orders')) }),
  createRoute({ getParentRoute: () => shell, path: '/orders/$id', component: lazyRouteComponent(() => import('../pages/Order')) }),
  createRoute({ getParentRoute: () => shell, path: '/spares', validateSearch: part, component: lazyRouteComponent(() => import('../pages/Spares')) }),
  createRoute({ getParentRoute: () => shell, path: '/plans', component: lazyRouteComponent(() => import('../pages/Plans')) }),
  createRoute({ getParentRoute: () => shell, path: '/technicians', component: lazyRouteComponent(() => import('../pages/Technicians')) }),
  createRoute({ getParentRoute: () => shell, path: '/instructions', validateSearch: sheet, component: lazyRouteComponent(() => import('../pages/Instructions')) }),
  createRoute({ getParentRoute: () => shell, path: '/maintenance', component: lazyRouteComponent(() => import('../pages/Maintenance')) }),
  createRoute({ getParentRoute: () => shell, path: '/approvals', component: lazyRouteComponent(() => import('../pages/Approvals')) }),
  createRoute({ getParentRoute: () => shell, path: '/trends', validateSearch: trendSearch, component: lazyRouteComponent(() => import('../pages/Trends')) }),
  createRoute({ getParentRoute: () => shell, path: '/writes', component: lazyRouteComponent(() => import('../pages/Writes')) }),
  createRoute({ getParentRoute: () => shell, path: '/cases', component: lazyRouteComponent(() => import('../pages/Cases')) }),
  createRoute({ getParentRoute: () => shell, path: '/cases/$id', component: lazyRouteComponent(() => import('../pages/Case')) }),
  createRoute({ getParentRoute: () => shell, path: '/processes', component: lazyRouteComponent(() => import('../pages/Processes')) }),
  createRoute({ getParentRoute: () => shell, path: '/processes/$name', component: lazyRouteComponent(() => import('../pages/Process')) }),
  createRoute({ getParentRoute: () => shell, path: '/assistant', validateSearch: trouble, component: lazyRouteComponent(() => import('../pages/Assistant')) }),
  createRoute({ getParentRoute: () => shell, path: '/tower', component: lazyRouteComponent(() => import('../pages/Tower')) }),
  createRoute({ getParentRoute: () => shell, path: '/production', component: lazyRouteComponent(() => import('../pages/Production')) }),
  createRoute({ getParentRoute: () => shell, path: '/logbook', component: lazyRouteComponent(() => import('../pages/Logbook')) }),
  createRoute({ getParentRoute: () => shell, path: '/documents', component: lazyRouteComponent(() => import('../pages/Documents')) }),
  createRoute({ getParentRoute: () => shell, path: '/sources', component: lazyRouteComponent(() => import('../pages/Sources')) }),
  createRoute({ getParentRoute: () => shell, path: '/access', component: lazyRouteComponent(() => import('../pages/Access')) }),
  createRoute({ getParentRoute: () => shell, path: '/discovery', component: lazyRouteComponent(() => import('../pages/Discovery')) }),
  createRoute({ getParentRoute: () => shell, path: '/ledger', validateSearch: account, component: lazyRouteComponent(() => import('../pages/Ledger')) }),
  createRoute({ getParentRoute: () => shell, path: '/sql', validateSearch: question, component: lazyRouteComponent(() => import('../pages/Sql')) }),
  createRoute({ getParentRoute: () => shell, path: '/catalog', validateSearch: table, component: lazyRouteComponent(() => import('../pages/Catalog')) }),
  createRoute({ getParentRoute: () => shell, path: '/etl', component: lazyRouteComponent(() => import('../pages/Etl')) }),
  createRoute({ getParentRoute: () => shell, path: '/condition', validateSearch: position, component: lazyRouteComponent(() => import('../pages/Condition')) }),
  createRoute({ getParentRoute: () => shell, path: '/models', validateSearch: model, component: lazyRouteComponent(() => import('../pages/Models')) }),
  createRoute({ getParentRoute: () => shell, path: '/life', validateSearch: forecast, component: lazyRouteComponent(() => import('../pages/Life')) }),
  createRoute({ getParentRoute: () => shell, path: '/registry', validateSearch: sheet, component: lazyRouteComponent(() => import('../pages/OwnModels')) }),
  createRoute({ getParentRoute: () => shell, path: '/cost', component: lazyRouteComponent(() => import('../pages/Cost')) }),
  createRoute({ getParentRoute: () => shell, path: '/images', component: lazyRouteComponent(() => import('../pages/Images')) }),
  createRoute({ getParentRoute: () => shell, path: '/edges', component: lazyRouteComponent(() => import('../pages/Edges')) }),
  createRoute({ getParentRoute: () => shell, path: '/webhooks', component: lazyRouteComponent(() => import('../pages/Webhooks')) }),
  createRoute({ getParentRoute: () => shell, path: '/notifications', component: lazyRouteComponent(() => import('../pages/Notifications')) }),
  createRoute({ getParentRoute: () => shell, path: '/audit', component: lazyRouteComponent(() => import('../pages/Audit')) }),
  createRoute({ getParentRoute: () => shell, path: '/users', component: lazyRouteComponent(() => import('../pages/Users')) }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren([login, shell.addChildren(pages)]),
  defaultPreload: 'intent',
  defaultErrorComponent: Crash,
  defaultPendingComponent: Waiting,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
