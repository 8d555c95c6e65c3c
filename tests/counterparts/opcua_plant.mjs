// A node-opcua server nobody here wrote, for what happens in plants: node opcua_plant.mjs PORT PKI [key=value ...]
//   hz=10       v0 ... v9 count k + i/10, in the namespace urn:plant:line
//   history=1   v0 ... v4 keep a history
//   before=N    so many other namespaces come first: urn:plant:line has another number
//   skew=MS     the server's clock is off by so much
//   items=N     most monitored items it serves
//   units=1     an analog item Weight in kg
//   strict=1    client certificates must be trusted; expired=1: its own certificate is of the past
// On stdin: `type` makes v9 text; `k N` counts on from N; `stop` and `go` counting. `listening NS` is printed when it listens.
import "./orphan.mjs";
const given = Object.fromEntries(process.argv.slice(4).map((word) => word.split("=")));
const skew = Number(given.skew ?? 0);
if (skew) {
  const Real = Date;
  globalThis.Date = class extends Real {
    constructor(...words) { words.length ? super(...words) : super(Real.now() + skew); }
    static now() { return Real.now() + skew; }
  };
}
const found = await import("node-opcua");
const o = found.default ?? found;
const port = Number(process.argv[2]), pki = process.argv[3];
const manager = (name, open) => new o.OPCUACertificateManager({ automaticallyAcceptUnknownCertificate: open, rootFolder: `${pki}/${name}` });
const serverCertificateManager = manager("server", !given.strict), userCertificateManager = manager("user", true);
await serverCertificateManager.initialize();
await userCertificateManager.initialize();
const more = {};
if (given.expired) {
  more.certificateFile = `${pki}/expired.pem`;
  more.privateKeyFile = serverCertificateManager.privateKey;
  await serverCertificateManager.createSelfSignedCertificate({
    applicationUri: "urn:plant:server", subject: "/CN=Old press", dns: ["localhost"], ip: ["127.0.0.1"],
    startDate: new Date(Date.now() - 40 * 86_400_000), validity: 30, outputFile: more.certificateFile,
  });
  more.serverInfo = { applicationUri: "urn:plant:server" };
}
const most = Number(given.items ?? 100000);
const server = new o.OPCUAServer({
  port, hostname: "127.0.0.1", host: "127.0.0.1", resourcePath: "/plant", nodeset_filename: [o.nodesets.standard],
  serverCertificateManager, userCertificateManager, ...more,
  securityModes: [o.MessageSecurityMode.None, o.MessageSecurityMode.Sign, o.MessageSecurityMode.SignAndEncrypt],
  securityPolicies: [o.SecurityPolicy.None, o.SecurityPolicy.Basic256Sha256, o.SecurityPolicy.Aes128_Sha256_RsaOaep, o.SecurityPolicy.Aes256_Sha256_RsaPss],
  allowAnonymous: !given.strict,
  userManager: { isValidUser: (user, password) => user === "user1" && password === "password1" },
  serverCapabilities: { maxMonitoredItems: most, maxMonitoredItemsPerSubscription: most, minSupportedSampleRate: 10, maxMonitoredItemsQueueSize: 1000, maxSessions: 50 },
});
await server.initialize();
const space = server.engine.addressSpace;
for (let i = 0; i < Number(given.before ?? 0); i += 1) space.registerNamespace(`urn:plant:other${i}`);
const own = space.registerNamespace("urn:plant:line");
const line = own.addObject({ organizedBy: space.rootFolder.objects, browseName: "Line" });
const counters = Array.from({ length: 10 }, (_, i) => own.addVariable({
  componentOf: line, browseName: `v${i}`, nodeId: `s=v${i}`, dataType: i === 9 ? "BaseDataType" : "Double", minimumSamplingInterval: 0 }));
if (given.history) counters.slice(0, 5).forEach((variable) => space.installHistoricalDataNode(variable, { maxOnlineValues: 5000 }));
const fixed = (name, dataType, value, more = {}) => {
  const variable = own.addVariable({ componentOf: line, browseName: name, nodeId: `s=x/${name}`, dataType, minimumSamplingInterval: 0, ...more });
  variable.setValueFromSource({ dataType: dataType === "Range" ? o.DataType.ExtensionObject : o.DataType[dataType] ?? o.DataType.ExtensionObject, value, arrayType: Array.isArray(value) || ArrayBuffer.isView(value) ? o.VariantArrayType.Array : o.VariantArrayType.Scalar });
};
fixed("Range", "Range", new o.Range({ low: -1, high: 7.5 }));
fixed("Words", "String", ["a", null, "Straße"], { valueRank: 1 });
fixed("Flags", "Boolean", [true, false], { valueRank: 1 });
if (given.units) own.addAnalogDataItem({ componentOf: line, browseName: "Weight", nodeId: "s=weight", dataType: "Double", engineeringUnitsRange: { low: 0, high: 90 }, engineeringUnits: o.standardUnits.kilogram, value: { dataType: "Double", value: 12.5 } });
await server.start();
let k = 0, going = true;
setInterval(() => {
  if (!going) return;
  k += 1;
  counters.forEach((variable, i) => { if (i < 9) variable.setValueFromSource({ dataType: o.DataType.Double, value: k + i / 10 }); });
}, 1000 / Number(given.hz ?? 10));
counters[9].setValueFromSource({ dataType: o.DataType.Double, value: 0.9 });
let rest = "";
process.stdin.on("data", (data) => {
  const lines = (rest + data).split("\n");
  rest = lines.pop();
  for (const line of lines) {
    const [word, n] = line.split(" ");
    if (word === "type") counters[9].setValueFromSource({ dataType: o.DataType.String, value: "seven" });
    if (word === "k") k = Number(n);
    if (word === "stop") going = false;
    if (word === "go") going = true;
  }
});
console.log(`listening ${own.index}`);
process.on("SIGTERM", async () => { await server.shutdown(0); process.exit(0); });
