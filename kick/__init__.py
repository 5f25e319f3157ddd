"""Kick: sockets and payloads in, typed events out. It knows no rules."""
