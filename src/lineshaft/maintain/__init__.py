"""The room maintain (under construction)."""
