"""A stand-in for Kick: its Pusher socket, its site API, and a streamer's channel that one can play with."""

from sandbox.kick.official import CLIENT_ID, CLIENT_SECRET
from sandbox.kick.routes import add_routes
from sandbox.kick.world import KickWorld

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "KickWorld", "add_routes"]
