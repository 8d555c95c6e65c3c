// Decodes Sparkplug B payloads with Eclipse Tahu's own library: lines `TOPIC HEX` on stdin, lines of JSON on stdout.
const { get } = require("sparkplug-payload");
const codec = get("spBv1.0");
const plain = (_key, value) => (typeof value === "bigint" || (value && value.constructor && value.constructor.name === "Long") ? value.toString() : value);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const [topic, hex] = [line.slice(0, line.lastIndexOf(" ")), line.slice(line.lastIndexOf(" ") + 1)];
  const payload = codec.decodePayload(Buffer.from(hex, "hex"));
  console.log(JSON.stringify({ topic, seq: payload.seq, metrics: payload.metrics }, plain));
});
