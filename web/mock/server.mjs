/**
 * A stand-in for the REST door while pages are drawn: `npm run mock`, then `npm run dev` or the built pages on its own port.
 * It streams a plausible bakery and plays the pump fault through. Never part of the build; the real door is the truth.
 */
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { randomUUID } from 'node:crypto';
import { WebSocketServer } from 'ws';

const PORT = Number(process.env.PORT ?? 8787);
const STATIC = join(import.meta.dirname, '../../src/lineshaft/see/static');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const started = Date.now() - 3_600_000;
const iso = (ms = Date.now()) => new Date(ms).toISOString();
const LINE = 'Bakery/Line 1';
const PUMP = `${LINE}/Cooler/Coolant pump`;

const MACHINES = ['Mixer', 'Former', 'Oven', 'Cooler', 'Packer'];
const asset = (path, level, model, more = {}) => ({ id: path.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'), path, name: path.split('/').at(-1), level, model, parent_id: path.includes('/') ? path.split('/').slice(0, -1).join('/').toLowerCase().replaceAll(/[^a-z0-9]+/g, '-') : null, thing: null, attributes: {}, version: 1, oee: false, constraint: null, ...more });
const assets = [
  asset('Bakery', 'site', null),
  asset(LINE, 'line', null, { constraint: `${LINE}/Oven` }),
  ...MACHINES.map((name) => asset(`${LINE}/${name}`, 'machine', name, { oee: true, thing: { serial: `${name.slice(0, 2).toUpperCase()}-1`, maker: 'Kraft & Sohn' }, attributes: { IdealCycle: 0.5, DowntimeRate: 900 } })),
  asset(PUMP, 'part', 'Pump', { thing: { serial: 'CP-117', maker: 'Grundmann' } }),
];
const TAGS = { State: ['int', ''], Good: ['int', ''], Bad: ['int', ''], Speed: ['double', 'part/min'], Power: ['double', 'kW'] };
const EXTRA = { [`${LINE}/Oven`]: { Temperature: ['double', 'degC'] }, [`${LINE}/Cooler`]: { Temperature: ['double', 'degC'] }, [`${LINE}/Mixer`]: { Torque: ['double', 'Nm'] }, [PUMP]: { Vibration: ['double', 'mm/s'], BearingTemperature: ['double', 'degC'], Flow: ['double', 'l/min'], Current: ['double', 'A'], Running: ['bool', ''] } };
const tagsOf = (path) => ({ ...(MACHINES.includes(path.split('/').at(-1)) ? TAGS : {}), ...EXTRA[path] });
const properties = new Map();
for (const one of assets) for (const [name, [type, unit]] of Object.entries(tagsOf(one.path))) properties.set(`${one.path}/${name}`, { id: `${one.id}-${name}`.toLowerCase(), path: `${one.path}/${name}`, name, kind: 'measurement', type, unit, formula: null });
for (const name of MACHINES) properties.set(`${LINE}/${name}/Down_Time_1Min`, { id: `${name}-down`, path: `${LINE}/${name}/Down_Time_1Min`, name: 'Down_Time_1Min', kind: 'metric', type: 'double', unit: 's', formula: 'statetime(down)' });

const values = new Map();
const history = new Map();
let fault = false;
let wear = 0;
const wobble = (size) => (Math.random() - 0.5) * size;
function next(path, name) {
  const machine = path.split('/').at(-1);
  const cooling = wear > 0.9;
  switch (name) {
    case 'State': return machine === 'Cooler' && cooling ? 4 : cooling ? (MACHINES.indexOf(machine) < 3 ? 3 : 2) : machine === 'Packer' && Math.floor(Date.now() / 20_000) % 5 === 0 ? 2 : 1;
    case 'Good': return (values.get(`${path}/Good`)?.[0] ?? 84_000) + (cooling ? 0 : 1);
    case 'Bad': return (values.get(`${path}/Bad`)?.[0] ?? 912) + (Math.random() < 0.02 ? 1 : 0);
    case 'Speed': return cooling ? 0 : 116 + wobble(5);
    case 'Power': return (cooling ? 3 : 21) + wobble(2);
    case 'Torque': return 310 + wobble(24);
    case 'Temperature': return machine === 'Oven' ? 228 + wobble(2.4) : 24 + wear * 12 + wobble(0.8);
    case 'Vibration': return 1.4 + wear * 8.2 + wobble(0.35);
    case 'BearingTemperature': return 48 + wear * 26 + wobble(0.7);
    case 'Flow': return 120 - wear * 62 + wobble(3);
    case 'Current': return 6.2 + wear * 2.1 + wobble(0.2);
    case 'Running': return true;
    default: return cooling ? 60 : 0;
  }
}
function step(at) {
  wear = Math.max(0, Math.min(1, wear + (fault ? 0.06 : -0.08)));
  const frame = {};
  for (const { path, name } of properties.values()) {
    const value = next(path.slice(0, -name.length - 1), name);
    const quality = name === 'Torque' && Math.floor(at / 10_000) % 6 === 0 ? 'bad' : name === 'Current' ? 'uncertain' : 'good';
    values.set(path, [value, quality, iso(at)]);
    frame[path] = values.get(path);
    const rows = history.get(path) ?? [];
    rows.push([at, value, quality]);
    if (rows.length > 20_000) rows.splice(0, 5000);
    history.set(path, rows);
  }
  return frame;
}
for (let at = Date.now() - 3_600_000; at < Date.now(); at += 2_000) step(at);

const people = [{ id: 'u1', name: 'admin', display: 'Admin', roles: ['admin'] }, { id: 'u2', name: 'petra', display: 'Petra Plan', roles: ['planner'] }, { id: 'u3', name: 'otto', display: 'Otto Ofen', roles: ['operator'] }, { id: 'u4', name: 'vera', display: 'Vera', roles: ['viewer'] }];
const tokens = [{ id: 't1', name: 'ERP', role: 'planner', created: iso(started) }];
const sessions = new Map();
const alarms = [
  { id: 'a2', asset: `${LINE}/Oven`, name: 'Oven temperature drifting', priority: 3, kind: 'alarm', state: 'acked', raised: iso(Date.now() - 900_000), cleared: null, acknowledged: iso(Date.now() - 800_000), acknowledged_by: 'Otto Ofen', value: 231.4, limit: 230, unit: 'degC', property: `${LINE}/Oven/Temperature`, operator: '>', cause: 'Burner valve sticks', consequence: 'Dark cookies', action: 'Check the burner valve', case_id: null, version: 2 },
  { id: 'a3', asset: `${LINE}/Packer`, name: 'Film low', priority: 4, kind: 'alarm', state: 'rtn-unack', raised: iso(Date.now() - 5_000_000), cleared: iso(Date.now() - 4_000_000), acknowledged: null, acknowledged_by: null, value: 4, limit: 5, unit: 'm', property: `${LINE}/Packer/Film`, operator: '<', cause: 'Roll nearly empty', consequence: 'Packer stops', action: 'Change the roll', case_id: null, version: 1 },
  { id: 'a4', asset: `${LINE}/Mixer`, name: 'Torque pattern unusual', priority: 2, kind: 'alert', state: 'unack', raised: iso(Date.now() - 400_000), cleared: null, acknowledged: null, acknowledged_by: null, value: 0.91, limit: 0.8, unit: '', property: `${LINE}/Mixer/Torque`, operator: '>', cause: null, consequence: null, action: null, case_id: null, version: 1 },
];
const orders = [];
const cases = [];
const approvals = [{ id: 'ap0', case_id: null, task: 'replenish', what: 'purchase', proposal: { part: 'FLT-22', name: 'Air filter', quantity: 4, cost: 71.2 }, proposed_by: 'Admin', state: 'open', decided_by: null, decided: null, reason: null, expires: iso(Date.now() + 86_400_000), created: iso(Date.now() - 90_000_000), version: 1 }];
const tower = [];
const spares = [{ id: 's1', part: 'BRG-6205', name: 'Deep groove ball bearing 6205', bin: 'B-12', on_hand: 4, reserved: 0, available: 4, minimum: 3, target: 8, unit_cost: 24.5, lead_time_days: 3, version: 1 }, { id: 's2', part: 'FLT-22', name: 'Air filter', bin: 'A-03', on_hand: 1, reserved: 0, available: 1, minimum: 2, target: 5, unit_cost: 17.8, lead_time_days: null, version: 1 }];
const purchases = [];
const documents = [{ id: 'd1', name: 'pump-manual.pdf', mime: 'application/pdf', size: 482_133, about: PUMP, created: iso(started) }];
const audit = [];
const STEPS = ['triage', 'open_work_order', 'reserve_parts', 'replenish', 'order_parts', 'repair', 'verify', 'close'];
const task = (name, mode, state, actor, actor_kind, output = {}) => ({ id: randomUUID(), name, mode, state, actor, actor_kind, opened: iso(), closed: state === 'done' ? iso() : null, input: {}, output });
const say = (actor, actor_kind, mode, what, one, outcome = 'done') => tower.unshift({ at: iso(), actor, actor_kind, mode, what, case_id: one?.id ?? null, task: what, asset: one?.asset ?? null, outcome });

function raise() {
  if (alarms.some((one) => one.id === 'a1' && !one.cleared)) return [];
  const id = randomUUID();
  const c = { id, number: `C-${cases.length + 1}`.replace('-', '-000'), process: 'maintenance', asset: PUMP, title: 'Coolant pump vibration high', state: 'open', opened: iso(), closed: null, current_task: 'repair', work_order_id: randomUUID(), version: 1, definition: { process: 'maintenance', tasks: STEPS.map((id) => ({ id, title: id })) }, tasks: [task('triage', 'automation', 'done', 'matrix', 'rule', { mode: 'human_assistant' }), task('open_work_order', 'automation', 'done', 'maintenance', 'system'), task('reserve_parts', 'automation', 'done', 'maintenance', 'system', { part: 'BRG-6205', quantity: 2, bin: 'B-12' }), task('replenish', 'agent_human', 'waiting', null, 'person'), task('repair', 'human_assistant', 'open', null, 'person')] };
  cases.unshift(c);
  alarms.unshift({ id: `a1-${id}`, asset: PUMP, name: 'Coolant pump vibration high', priority: 1, kind: 'alarm', state: 'unack', raised: iso(), cleared: null, acknowledged: null, acknowledged_by: null, value: 7.4, limit: 7.1, unit: 'mm/s', property: `${PUMP}/Vibration`, operator: '>', cause: 'Worn bearing', consequence: 'Cooling fails, the line stops', action: 'Take the pump out and change the bearing', case_id: id, version: 1 });
  orders.unshift({ id: c.work_order_id, number: `WO-000${orders.length + 1}`, asset: PUMP, title: 'Change bearing of coolant pump', kind: 'corrective', state: 'planned', priority: 1, failure_mode: 'VIB', created: iso(), due: iso(Date.now() + 14_400_000), case_id: id, source: { type: 'alarm', id: `a1-${id}` }, evidence: { property: `${PUMP}/Vibration`, start: iso(Date.now() - 60_000), end: iso(), value: 7.4, limit: 7.1 }, reserved: [{ part: 'BRG-6205', name: spares[0].name, bin: 'B-12', quantity: 2 }], checklist: [{ id: '1', text: 'Lock out and tag out the pump', kind: 'check', limits: null, result: null, done_by: null }, { id: '2', text: 'Bearing clearance', kind: 'number', limits: { min: 0.01, max: 0.04, unit: 'mm' }, result: null, done_by: null }, { id: '3', text: 'Vibration after restart', kind: 'number', limits: { min: null, max: 2.8, unit: 'mm/s' }, result: null, done_by: null }], history: [{ at: iso(), by: 'maintenance', what: 'created', note: 'from the alarm' }, { at: iso(), by: 'maintenance', what: 'reserved', note: '2 × BRG-6205' }], assigned_to: null, version: 1 });
  Object.assign(spares[0], { reserved: 2, available: 2 });
  purchases.unshift({ id: randomUUID(), number: `PO-000${purchases.length + 1}`, part: 'BRG-6205', name: spares[0].name, quantity: 6, cost: 147, state: 'proposed', proposed_by: 'maintenance', approved_by: null, case_id: id, created: iso(), version: 1 });
  approvals.unshift({ id: randomUUID(), case_id: id, task: 'replenish', what: 'purchase', proposal: { part: 'BRG-6205', name: spares[0].name, quantity: 6, unit_cost: 24.5, cost: 147 }, proposed_by: 'maintenance', state: 'open', decided_by: null, decided: null, reason: null, expires: iso(Date.now() + 86_400_000), created: iso(), version: 1 });
  say('Coolant pump vibration high', 'rule', 'automation', 'alarm', c);
  say('matrix', 'rule', 'automation', 'triage', c, 'human_assistant');
  say('maintenance', 'system', 'automation', 'order', c);
  say('maintenance', 'system', 'automation', 'reserve', c);
  say('replenisher', 'agent', 'agent_human', 'replenish', c, 'waiting');
  return ['alarm', 'case', 'work-order', 'approval', 'purchase', 'tower'];
}

const sockets = new Map();
const tell = (types) => types.length && sockets.forEach((_, ws) => ws.send(JSON.stringify({ t: iso(), events: types.map((type) => ({ type })) })));
let was = 0;
setInterval(() => {
  const frame = step(Date.now());
  const text = JSON.stringify({ t: iso(), values: frame });
  sockets.forEach((subscribed, ws) => subscribed.length && ws.send(text));
  if (was < 0.7 && wear >= 0.7) tell(raise());
  was = wear;
}, 400);

class Refused extends Error {
  constructor(status, code, detail, hint = '') { super(detail); Object.assign(this, { status, code, hint }); }
}
const found = (list, id) => list.find((one) => one.id === id) ?? (() => { throw new Refused(404, 'not-found', `nothing with id ${id}`); })();
const list = (items) => ({ items, next: null });
const span = (query) => [Date.parse(query.get('start') ?? iso(Date.now() - 600_000)), Date.parse(query.get('end') ?? iso())];
const oee = (path, query) => {
  const [start, end] = span(query);
  const off = wear > 0.9 ? 0.1 : 0;
  const machine = path === LINE ? `${LINE}/Oven` : path;
  const a = 0.87 - off - MACHINES.indexOf(machine.split('/').at(-1)) * 0.03, p = machine.endsWith('Packer') ? 1.04 : 0.93, qy = 0.988;
  const total = (end - start) / 1000;
  return { asset: path, start: iso(start), end: iso(end), availability: a, performance: p, quality: qy, oee: a * p * qy, teep: a * p * qy * 0.7, elements: { calendar: total, planned_busy: total * 0.9, planned_stop: total * 0.1, actual_production: total * 0.9 * a, down: total * 0.03, setup: total * 0.02, starved: total * 0.02, blocked: total * 0.03, idle: total * 0.01, micro_stop: total * 0.01, unknown: total * 0.02 }, counts: { good: 6300, bad: 71 }, ideal_cycle_s: 0.5, model: 'iso22400', versions: { calendar: 1, model: 1 }, losses: [['planned_stop', 0.1], ['down', 0.03], ['setup', 0.02], ['starved', 0.02], ['blocked', 0.03], ['idle', 0.01], ['micro_stop', 0.01], ['unknown', 0.02], ['speed', 0.06], ['quality', 0.01]].map(([name, part]) => ({ name, seconds: total * part })), bands: { world_class: 0.85, typical: [0.55, 0.65] }, gain_per_10_points: { money_per_hour: 90 }, coverage: 0.98, constraint: path === LINE ? machine : null, explain: query.get('explain') ? ['availability = actual production / planned busy time', 'performance = earned minutes / actual production', 'quality = good / (good + bad)'] : undefined };
};

const logs = [];
function answer(method, path, query, body, me) {
  const [room, id, verb, sub] = path.split('/').map(decodeURIComponent);
  const by = me?.display;
  switch (room) {
    case 'me': return me;
    case 'health': return { status: 'ok', version: '0.1.0', started: iso(started), uptime_s: (Date.now() - started) / 1000, sources: [{ name: 'bakery', state: 'connected', message: '', tags_ok: properties.size - 1, tags_bad: { 'ns=2;s=Oven/Hummidity': 'the server knows no such node' } }, { name: 'press-shop', state: 'down', message: 'connection refused at opc.tcp://10.0.0.7:4840', tags_ok: 0, tags_bad: {} }], system_events: [{ key: 'source.press-shop', message: 'Source press-shop does not answer', severity: 'warning', at: iso(started), hint: 'Check the cable and the address in settings.toml.' }], demo: true, simulator: true };
    case 'assets': {
      if (!id) return list(assets);
      const one = found(assets, id);
      return { ...one, properties: [...properties.values()].filter((p) => p.path.slice(0, -p.name.length - 1) === one.path), alarms: one.path === PUMP ? [{ name: 'Coolant pump vibration high', property: 'Vibration', operator: '>', limit: 7.1, priority: 1, kind: 'alarm' }] : [], children: assets.filter((other) => other.parent_id === one.id) };
    }
    case 'latest': return { items: query.getAll('property').map((property) => { const [value, quality, timestamp] = values.get(property) ?? [null, 'good', null]; return { property, timestamp, value, quality, unit: properties.get(property)?.unit ?? '' }; }) };
    case 'history': { const [start, end] = span(query); return { property: query.get('property'), unit: '', type: 'double', rows: (history.get(query.get('property')) ?? []).filter(([at]) => at > start && at <= end).map(([at, value, quality]) => ({ timestamp: iso(at), value, quality })), next: null }; }
    case 'aggregates': { const [start, end] = span(query); return { property: query.get('property'), window: query.get('window'), rows: (history.get(query.get('property')) ?? []).filter(([at], n) => at > start && at <= end && n % 15 === 0).map(([at, value]) => ({ timestamp: iso(at), count: 1, average: Number(value), minimum: value, maximum: value })) }; }
    case 'oee': return oee(query.get('asset'), query);
    case 'downtime': return method === 'PATCH' ? {} : list([0, 1, 2].map((n) => ({ id: `st${n}`, asset: query.get('asset'), start: iso(Date.now() - 600_000 * (n + 1)), end: n || wear < 0.9 ? iso(Date.now() - 600_000 * (n + 1) + 95_000 * (n + 1)) : null, state: ['down', 'starved', 'blocked'][n], reason: n === 2 ? 'material' : null, micro: n === 0, version: 1 })));
    case 'alarms': {
      if (!id) return list(query.get('state') === 'all' ? alarms : alarms.filter((one) => one.state !== 'normal'));
      const one = found(alarms, id);
      if (verb === 'acknowledge') Object.assign(one, { state: one.cleared ? 'normal' : 'acked', acknowledged: iso(), acknowledged_by: by });
      if (verb === 'shelve') one.state = 'shelved';
      one.version += 1;
      tell(['alarm']);
      return one;
    }
    case 'findings': return list([{ id: 'f1', asset: `${LINE}/Mixer`, kind: 'drift', score: 0.82, failure_mode: 'VIB', label: null }]);
    case 'work-orders': {
      if (!id && method === 'POST') { const one = { id: randomUUID(), number: `WO-000${orders.length + 1}`, state: 'requested', failure_mode: null, created: iso(), due: null, case_id: null, source: null, evidence: null, reserved: [], checklist: [], history: [], assigned_to: null, version: 1, ...body }; orders.unshift(one); tell(['work-order']); return one; }
      if (!id) return list(orders);
      if (verb === 'candidates' || verb === 'similar') return list([]);
      const one = found(orders, id);
      for (const name of ['permits', 'labour', 'downtime', 'attachments', 'findings']) one[name] ??= [];
      for (const name of ['urgency', 'criticality', 'score', 'hours', 'instruction', 'cost', 'avoided']) one[name] ??= null;
      Object.assign(one, { skills: one.skills ?? {}, locked_out: '' });
      if (verb === 'comments') one.history.push({ at: iso(), by, what: 'note', note: body.text });
      else if (['permits', 'labour', 'downtime', 'parts', 'attachments', 'findings', 'avoided'].includes(verb)) return one;
      else if (verb === 'checklist') Object.assign(found(one.checklist, sub), { result: body.result, passed: body.result !== false, done_by: by });
      else if (verb) { one.state = { assign: 'assigned', start: 'in_progress', hold: 'on_hold', resume: 'in_progress', done: 'done', verify: 'verified', close: 'closed', cancel: 'cancelled' }[verb]; if (verb === 'assign') one.assigned_to = by; one.history.push({ at: iso(), by, what: one.state, note: body.note ?? null }); }
      if (method === 'POST') { one.version += 1; tell(['work-order']); }
      return one;
    }
    case 'technicians': case 'plans': case 'instructions': return list([]);
    case 'codes': return { lists: {} };
    case 'spares': if (id && method === 'GET') return { ...found(spares, id), used_by: [], alternatives: [], counted: null, moves: [], instead: [] };
      if (id) { const one = found(spares, id); one.on_hand += body.quantity; one.available += body.quantity; return one; } return list(spares);
    case 'purchases': return list(purchases);
    case 'cases': return id ? found(cases, id) : list(cases);
    case 'approvals': {
      if (!id) return list(query.get('state') ? approvals.filter((one) => one.state === query.get('state')) : approvals);
      const one = found(approvals, id);
      if (one.proposed_by === by) throw new Refused(403, 'approval.own-proposal', 'you proposed this yourself', 'a second person decides');
      Object.assign(one, { state: body.decision === 'reject' ? 'rejected' : 'approved', decided_by: by, decided: iso(), reason: body.reason ?? null, version: one.version + 1, proposal: { ...one.proposal, ...body.edit } });
      say(by, 'person', 'agent_human', body.decision, cases.find((c) => c.id === one.case_id));
      tell(['approval', 'tower']);
      return one;
    }
    case 'tower': return list(tower);
    case 'logbook': {
      if (method === 'GET') return id ? list(logs.filter((one) => one.id === id)) : list(logs.filter((one) => !query.get('shift') || one.shift === query.get('shift')));
      if (id) { const one = found(logs, id); Object.assign(one, { text: body.text, version: one.version + 1, author: by }); return one; }
      logs.unshift({ id: randomUUID(), tags: [], ...body, at: iso(), shift: 'Early', day: iso().slice(0, 10), author: by, written: iso(), version: 1 });
      return logs[0];
    }
    case 'production':
      if (id === 'figures') return { line: LINE, otif: 0.94, due_lines: 17, on_time_in_full: 16, first_pass: 0.983, checks: 120, passed: 118, lot_yield: 0.99, lots_made: 12_000, lots_scrapped: 120, lots_held: 0, orders: [{ order: 'P-1001', product: 'Choc chip 200 g', planned_s: 27_900, target: 9_300, made: 6_412, attainment: 0.69, ordered: 20_000, delivered: 6_412 }] };
      if (id === 'running') { const [start, end] = span(query); const middle = (start + end) / 2; return { line: LINE, runs: [{ start: iso(start), end: iso(end), order: 'P-1001', product: 'Choc chip 200 g' }], planned: [{ start: iso(start), end: iso(middle), kind: 'shift', shift: 'Early' }, { start: iso(middle), end: iso(end), kind: 'off', shift: '' }], shifts: ['Early', 'Late'] }; }
      if (id === 'feeds') return { items: [{ name: 'erp-orders', type: 'sql', every_s: 300, state: 'ok', last_run: iso(), last_ok: iso(), last_taken: 3, taken: 4711, waiting: 0, error: '', problems: [] }] };
      if (sub === 'genealogy' || path.endsWith('/genealogy')) return { made_from: ['WHEAT-77'], went_into: ['TRAY-12'] };
      return list(id === 'orders' ? [{ id: 'po1', number: 'P-1001', customer: 'Corner shops ltd.', state: 'running', created: iso(started), version: 1, lines: [{ line: 1, product: 'Choc chip 200 g', quantity: 20_000, delivered: 6_412, due: iso(Date.now() + 18_000_000), delivered_at: null }] }] : id === 'lots' ? [{ id: 'l1', number: 'L-77', material: 'Flour 550', quantity: 900, unit: 'kg', state: 'free', created: iso(started), parents: [] }] : [{ id: 'q1', check: 'diameter', at: iso(started), machine: `${LINE}/Oven`, lot: null, order: null, value: 61.2, unit: 'mm', low: 58, high: 64, passed: true, by: 'Otto', note: '' }]);
    case 'documents': if (method === 'POST') documents.push({ id: randomUUID(), name: 'new.pdf', mime: 'application/pdf', size: 1, about: null, created: iso() }); return list(documents);
    case 'ledger': return list([...properties.values()].filter((p) => p.kind === 'measurement').map((p, n) => { const received = history.get(p.path).length; return { source: 'bakery', tag: `ns=2;s=${p.path.split('/').slice(-2).join('/')}`, received, stored: received - (n === 3 ? 12 : 2), duplicate: 0, filtered: 0, rejected: n === 3 ? { future: 10 } : {}, pending: 2, balance: 0 }; }));
    case 'sql': return { columns: [{ name: 'property', type: 'text' }, { name: 'value', type: 'double' }], rows: [...values].map(([path, [value]]) => [path, Number(value)]), truncated: false, elapsed_ms: 3 };
    case 'catalog': { const one = { name: 'samples', kind: 'values', room: 'store', description: 'Every value ever stored.', owner: '', tags: [], columns: [{ name: 'property', type: 'text', unit: '', description: '' }, { name: 'value', type: 'number', unit: '', description: '' }], rows: 4000, newest: iso(), made_of: [], file: '', size: null, version: 0 }; return id ? { ...one, lineage: [] } : { items: [one], problems: [] }; }
    case 'audit': return id === 'verify' ? { rows: audit.length, ok: true, first_bad: null } : list([...audit].reverse());
    case 'users': if (method === 'POST') people.push({ id: randomUUID(), ...body }); return list(people);
    case 'tokens': if (method === 'POST') { tokens.push({ id: randomUUID(), name: body.name, role: body.role, created: iso() }); return { id: 'x', token: `ls_${randomUUID()}` }; } if (method === 'DELETE') tokens.splice(tokens.findIndex((one) => one.id === id), 1); return list(tokens);
    case 'simulator': if (method === 'POST') fault = body.active; return { fault: 'pump', active: fault };
    default: throw new Refused(404, 'not-found', `no such path ${path}`);
  }
}

const send = (response, status, body, headers = {}) => { response.writeHead(status, { 'content-type': status >= 400 ? 'application/problem+json' : 'application/json', ...headers }); response.end(JSON.stringify(body)); };
const meOf = (request) => sessions.get(/lineshaft_session=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1]);

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://x');
  if (!url.pathname.startsWith('/api/v1/')) return page(url.pathname, response);
  let text = '';
  request.on('data', (part) => (text += part));
  request.on('end', () => {
    const path = url.pathname.slice(8);
    try {
      const body = text && request.headers['content-type']?.includes('json') ? JSON.parse(text) : {};
      if (path === 'login') {
        const me = people.find((one) => one.name === body.name);
        if (!me || body.password === 'wrong') throw new Refused(401, 'login.wrong', 'name or password is wrong');
        const token = randomUUID();
        sessions.set(token, me);
        return send(response, 200, { token, user: me }, { 'set-cookie': `lineshaft_session=${token}; HttpOnly; SameSite=Strict; Path=/` });
      }
      const me = meOf(request);
      if (!me) throw new Refused(401, 'login.needed', 'please sign in');
      if (request.method !== 'GET') audit.push({ seq: audit.length + 1, at: iso(), subject: me.display, subject_kind: 'person', action: path.replaceAll('/', '.'), resource: path, outcome: 'ok', hash: randomUUID().replaceAll('-', '') });
      return send(response, 200, answer(request.method, path, url.searchParams, body, me));
    } catch (error) {
      return send(response, error.status ?? 500, { title: 'refused', status: error.status ?? 500, detail: error.message, code: error.code, hint: error.hint });
    }
  });
});
function page(path, response) {
  const file = join(STATIC, normalize(path));
  const real = extname(path) && existsSync(file) ? file : join(STATIC, 'index.html');
  if (!existsSync(real)) { response.writeHead(404); return response.end('run npm run build first'); }
  response.writeHead(200, { 'content-type': TYPES[extname(real)] ?? 'application/octet-stream', 'content-security-policy': "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' ws: wss:" });
  return response.end(readFileSync(real));
}
const hub = new WebSocketServer({ server, path: '/api/v1/stream' });
hub.on('connection', (ws, request) => {
  if (!meOf(request)) return ws.close(4401);
  sockets.set(ws, []);
  ws.on('message', (text) => sockets.set(ws, JSON.parse(text).subscribe?.assets ?? []));
  ws.on('close', () => sockets.delete(ws));
});
server.listen(PORT, '127.0.0.1', () => process.stdout.write(`mock on http://127.0.0.1:${PORT} (admin, petra, otto, vera; any password but "wrong")\n`));
