"""The room guard (under construction)."""
