"""A stand-in for Kick: its Pusher socket, its site API, and a streamer's channel that one can play with."""

from sandbox.kick.routes import add_routes
from sandbox.kick.world import KickWorld

__all__ = ["KickWorld", "add_routes"]
