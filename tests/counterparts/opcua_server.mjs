// A node-opcua server nobody here wrote: node opcua_server.mjs PORT TAGS HZ PKI
// ns=1;s=v<i> is a Double that counts k + i/TAGS at HZ; ns=1;s=x/<name> are constants of every kind;
// ns=1;s=x/Setpoint is a Double that clients may write. user1/password1.
import "./orphan.mjs";
import * as opcua from "node-opcua";

const [port, tags, hz] = process.argv.slice(2, 5).map(Number);
const pki = process.argv[5];
const { DataType, MessageSecurityMode, SecurityPolicy, VariantArrayType } = opcua.default ?? opcua;
const o = opcua.default ?? opcua;

const serverCertificateManager = new o.OPCUACertificateManager({ automaticallyAcceptUnknownCertificate: true, rootFolder: pki });
await serverCertificateManager.initialize();
const server = new o.OPCUAServer({
  port,
  hostname: "127.0.0.1",
  host: "127.0.0.1",
  resourcePath: "/line",
  nodeset_filename: [o.nodesets.standard],
  serverCertificateManager,
  securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
  securityPolicies: [
    SecurityPolicy.None, SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep, SecurityPolicy.Aes256_Sha256_RsaPss,
  ],
  allowAnonymous: true,
  userManager: { isValidUser: (user, password) => user === "user1" && password === "password1" },
  serverCapabilities: { maxMonitoredItems: 100000, maxMonitoredItemsPerSubscription: 100000, minSupportedSampleRate: 10, maxMonitoredItemsQueueSize: 1000 },
});
await server.initialize();
const space = server.engine.addressSpace.getOwnNamespace();
const line = space.addObject({ organizedBy: server.engine.addressSpace.rootFolder.objects, browseName: "Line" });
const counters = Array.from({ length: tags }, (_, i) =>
  space.addVariable({ componentOf: line, browseName: `v${i}`, nodeId: `s=v${i}`, dataType: "Double", minimumSamplingInterval: 0 }));
const constant = (name, dataType, value, arrayType) => {
  const variable = space.addVariable({ componentOf: line, browseName: name, nodeId: `s=x/${name}`, dataType: DataType[dataType],
    valueRank: arrayType ? 1 : -1, minimumSamplingInterval: 0 });
  variable.setValueFromSource({ dataType, value, arrayType: arrayType ?? VariantArrayType.Scalar });
};
constant("Boolean", DataType.Boolean, true);
constant("SByte", DataType.SByte, -7);
constant("Byte", DataType.Byte, 200);
constant("Int16", DataType.Int16, -30000);
constant("UInt16", DataType.UInt16, 60000);
constant("Int32", DataType.Int32, -2000000000);
constant("UInt32", DataType.UInt32, 4000000000);
constant("Int64", DataType.Int64, [0, 7]);
constant("UInt64", DataType.UInt64, [1, 0]);
constant("Float", DataType.Float, 0.5);
constant("Double", DataType.Double, 1e-300);
constant("NaN", DataType.Double, NaN);
constant("String", DataType.String, "Straße 7 \u{1F35E}");
constant("DateTime", DataType.DateTime, new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)));
constant("ByteString", DataType.ByteString, Buffer.from([1, 2, 255]));
constant("Guid", DataType.Guid, "72962B91-FA75-4AE6-8D28-B404DC7DAF63");
constant("LocalizedText", DataType.LocalizedText, { text: "Ofen", locale: "de" });
constant("Array", DataType.Double, new Float64Array([1, 2.5]), VariantArrayType.Array);
space.addVariable({ componentOf: line, browseName: "Setpoint", nodeId: "s=x/Setpoint", dataType: "Double", minimumSamplingInterval: 0,
  accessLevel: "CurrentRead | CurrentWrite", userAccessLevel: "CurrentRead | CurrentWrite", value: { dataType: "Double", value: 117.6 } });
await server.start();
console.log("listening");
let k = 0;
setInterval(() => {
  k += 1;
  counters.forEach((variable, i) => variable.setValueFromSource({ dataType: DataType.Double, value: k + i / tags }));
}, 1000 / hz);
process.on("SIGTERM", async () => { await server.shutdown(0); process.exit(0); });
