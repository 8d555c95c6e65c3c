// A node-opcua server with the machine tool model of the OPC Foundation: node opcua_machine.mjs PORT PKI
// One machine `MyMill` of MachineToolType below Machines, and an object `Skid` that says nothing of its type.
import "./orphan.mjs";
import * as opcua from "node-opcua";

const o = opcua.default ?? opcua;
const [port, pki] = [Number(process.argv[2]), process.argv[3]];
const sets = o.nodesets;
const serverCertificateManager = new o.OPCUACertificateManager({ automaticallyAcceptUnknownCertificate: true, rootFolder: pki });
await serverCertificateManager.initialize();
const server = new o.OPCUAServer({
  port, hostname: "127.0.0.1", host: "127.0.0.1", resourcePath: "/m", serverCertificateManager,
  securityModes: [o.MessageSecurityMode.None], securityPolicies: [o.SecurityPolicy.None], allowAnonymous: true,
  nodeset_filename: [
    sets.standard, sets.di, sets.machinery, sets.isa95JobControl ?? sets.isa95JobControlV2, sets.ia, sets.machineryResult,
    sets.machineryJobs, sets.machineTool,
  ],
});
await server.initialize();
const space = server.engine.addressSpace;
const of = (uri) => space.getNamespaceIndex(uri);
const type = space.findObjectType("MachineToolType", of("http://opcfoundation.org/UA/MachineTool/"));
const machines = space.findNode(`ns=${of("http://opcfoundation.org/UA/Machinery/")};i=1001`);
type.instantiate({ browseName: "MyMill", organizedBy: machines, optionals: ["Notification", "Equipment"] });
const own = space.getOwnNamespace();
const skid = own.addObject({ organizedBy: space.rootFolder.objects, browseName: "Skid" });
for (const [name, dataType, value] of [["Pressure", "Double", 4.5], ["Open", "Boolean", true], ["Recipe", "String", "7"]]) {
  own.addVariable({ componentOf: skid, browseName: name, nodeId: `s=Skid/${name}`, dataType, value: { dataType, value } });
}
await server.start();
console.log("up");
process.on("SIGTERM", async () => { await server.shutdown(0); process.exit(0); });
