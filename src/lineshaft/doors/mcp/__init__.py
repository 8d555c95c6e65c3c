"""The MCP door: registered agents of other programs read the plant and lay proposals before the people, at `/mcp`.

Every client is an agent of the register with its own key (or a token of the plant's identity provider), role, part of the
plant, tools and budget; every call passes the same gate as everybody's, is journalled, and can be stopped by one switch.
"""

from lineshaft.doors.mcp.settings import McpSettings

__all__ = ["McpSettings"]
