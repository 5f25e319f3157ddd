"""Discord's edge: commands, buttons and messages. A command parses, calls a service, renders."""
