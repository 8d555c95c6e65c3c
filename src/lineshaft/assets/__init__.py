"""The room assets (under construction)."""
