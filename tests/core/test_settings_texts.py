"""What a setting accepts is said in the reader's language, and is what the environment's variable says."""

from __future__ import annotations

import re

import pytest

from core import settings_schema
from core.config import variables
from core.errors import UserError
from core.texts import Texts

ENGLISH, ARABIC = Texts().reader("en"), Texts().reader("ar")
OWN = {*settings_schema.CHANNELS, *settings_schema.ROLES}


@pytest.mark.parametrize("name", settings_schema.NAMES)
def test_every_setting_says_what_it_accepts_in_both_languages(name: str) -> None:
    key = settings_schema.accepted_text(name)
    english, arabic = ENGLISH(key), ARABIC(key)
    if name not in OWN:
        assert english == variables()[name][0].accepted
    assert re.findall(r"\d+", english) == re.findall(r"\d+", arabic)
    assert re.search("[\u0600-\u06ff]", arabic)


def test_a_bad_value_names_the_text_and_not_the_english() -> None:
    with pytest.raises(UserError) as refused:
        settings_schema.parse("kick_channel", "a b c")
    assert refused.value.args_["accepted"] == "config.accepts.kick_channel"
