"""Gateway intents: which event needs which bit."""

from __future__ import annotations

GUILDS = 1 << 0
MEMBERS = 1 << 1
PRESENCES = 1 << 8
MESSAGES = 1 << 9
REACTIONS = 1 << 10
TYPING = 1 << 11
DM_MESSAGES = 1 << 12
DM_REACTIONS = 1 << 13
DM_TYPING = 1 << 14
CONTENT = 1 << 15
PRIVILEGED = MEMBERS | PRESENCES | CONTENT

NAMES = {"members": MEMBERS, "presences": PRESENCES, "message_content": CONTENT}


def needed(event: str, in_guild: bool) -> int:
    """The bit that a session must have asked for; 0 where the event always arrives."""
    if event.startswith("MESSAGE_REACTION"):
        return REACTIONS if in_guild else DM_REACTIONS
    if event.startswith("MESSAGE_"):
        return MESSAGES if in_guild else DM_MESSAGES
    if event == "TYPING_START":
        return TYPING if in_guild else DM_TYPING
    if event.startswith("GUILD_MEMBER_"):
        return MEMBERS
    if event.startswith(("GUILD_", "CHANNEL_")):
        return GUILDS
    return 0
