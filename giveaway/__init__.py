"""Giveaways: entries that grow with roles, drawn by the protocol that anybody can check."""
