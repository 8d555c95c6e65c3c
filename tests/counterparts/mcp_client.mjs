// A foreign MCP client (the makers' JavaScript SDK): node mcp_client.mjs URL TOKEN CALLS, CALLS as JSON [[tool, arguments], ...].
// Prints one line of JSON: the server's name, its tools, and the answer of each call.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [url, token, calls] = process.argv.slice(2);
const client = new Client({ name: 'foreign', version: '1' });
const headers = token ? { Authorization: `Bearer ${token}` } : {};
try {
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  const { tools } = await client.listTools();
  const answers = [];
  for (const [name, args] of JSON.parse(calls)) answers.push(await client.callTool({ name, arguments: args }));
  console.log(JSON.stringify({ server: client.getServerVersion(), about: client.getInstructions(), tools, answers }));
  await client.close();
} catch (error) {
  console.log(JSON.stringify({ error: String(error.message ?? error) }));
}
process.exit(0);
