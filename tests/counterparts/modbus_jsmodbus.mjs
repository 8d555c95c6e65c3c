// A Modbus TCP server by jsmodbus: holding register i holds i, input register i holds 2 i, for 200 registers; beyond, it answers with nothing.
import net from "node:net";
import jsmodbus from "jsmodbus";

const server = new net.Server();
const holding = Buffer.alloc(400);
const input = Buffer.alloc(400);
for (let i = 0; i < 200; i++) {
  holding.writeUInt16BE(i, 2 * i);
  input.writeUInt16BE(2 * i, 2 * i);
}
new jsmodbus.server.TCP(server, { holding, input, coils: Buffer.alloc(10), discrete: Buffer.alloc(10) });
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("up"));
