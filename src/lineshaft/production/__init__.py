"""The room production (under construction)."""
