"""Machines that do not exist, behind protocols that do: each simulator runs a real server in a process of its own."""
