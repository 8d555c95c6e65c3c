// A Sparkplug B edge node by Eclipse Tahu's sparkplug-client: node Plant/Edge1 with device Dev1, publishing every 100 ms.
// node sparkplug_node.cjs PORT [METRICS]; stdin: `gap` skips a sequence number, `ddeath`, `stop` (a clean NDEATH).
const sparkplug = require("sparkplug-client");
const [port, count] = [process.argv[2], Number(process.argv[3] ?? 10)];
const client = sparkplug.newClient({
  serverUrl: `tcp://127.0.0.1:${port}`, username: "", password: "", groupId: "Plant", edgeNode: "Edge1", clientId: `tahu-${process.pid}`,
  version: "spBv1.0", publishDeath: true,
});
let k = 0;
let births = 0;
const numbers = () => Array.from({ length: count }, (_, i) => ({ name: `m/${i}`, value: k + i / 100, type: "Double", timestamp: Date.now() }));
const others = () => [
  { name: "str", type: "String", value: `hello ${k}` },
  { name: "i64", type: "Int64", value: -5 },
  { name: "i8", type: "Int8", value: -7 },
  { name: "u32", type: "UInt32", value: 4000000000 },
  { name: "on", type: "Boolean", value: k % 2 === 0 },
  { name: "f", type: "Float", value: 1.5 },
];
const birth = () => {
  client.publishNodeBirth({ timestamp: Date.now(), metrics: [...others(), { name: "Node Control/Rebirth", type: "Boolean", value: false }] });
  client.publishDeviceBirth("Dev1", { timestamp: Date.now(), metrics: [...numbers(), ...others()] });
  console.log(`birth ${++births}`);
};
client.on("birth", birth);
client.on("error", (error) => console.log("error", error.message));
client.on("ncmd", (payload) => {
  console.log("ncmd", payload.metrics.map((metric) => metric.name).join());
  birth(); // Tahu leaves it to the application to obey a rebirth
});
setInterval(() => {
  k++;
  client.publishDeviceData("Dev1", { timestamp: Date.now(), metrics: [...numbers(), ...others()] });
}, 100);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  if (line === "gap") client.seq = (client.seq + 3) % 256;
  if (line === "ddeath") client.publishDeviceDeath("Dev1", { timestamp: Date.now(), metrics: [] });
  if (line === "stop") client.stop();
});
