"""One way of asking an address a module: who are you, in the words of a protocol. A probe reads and never changes anything."""
