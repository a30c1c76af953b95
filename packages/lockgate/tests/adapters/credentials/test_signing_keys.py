"""The keys of tokens: lines of a secret, made once where there is none, and never told."""

from __future__ import annotations

import stat
import threading

import pytest

from lockgate.adapters.credentials.signing_keys import SigningKeys, new_key
from lockgate.adapters.secrets.chain import open_secrets
from lockgate.errors import SecretMissing


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state" / "secrets"


def keys_in(folder, **variables):
    secrets = open_secrets(variables, folder)
    return SigningKeys(secrets, folder), secrets


def test_a_key_of_256_bits_is_made_where_there_is_none_for_its_owner_alone(folder):
    keys, _ = keys_in(folder)

    (key,) = keys()

    assert len(key.secret) == 32
    assert stat.S_IMODE((folder / "signing-key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["signing-key"]
    assert keys_in(folder)[0]() == (key,)


def test_many_who_make_one_at_once_have_the_same(folder):
    found, barrier = [], threading.Barrier(8)

    def make():
        keys, _ = keys_in(folder)
        barrier.wait(60)
        found.extend(keys())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(found), len(set(found))) == (8, 1)


def test_the_first_line_comes_first_and_blank_lines_are_nothing(folder):
    one, other = new_key(), new_key()
    keys, _ = keys_in(folder, LOCKGATE_SECRET_SIGNING_KEY=f"{one}\n\n {other} \n")

    first, second = keys()

    assert first.name != second.name
    assert keys_in(folder, LOCKGATE_SECRET_SIGNING_KEY=one)[0]() == (first,)
    assert keys_in(folder, LOCKGATE_SECRET_SIGNING_KEY=f"{other}=")[0]() == (second,)
    assert not folder.exists()


def test_every_key_is_hidden_from_what_is_written(folder):
    one, other = new_key(), new_key()
    keys, secrets = keys_in(folder, LOCKGATE_SECRET_SIGNING_KEY=f"{one}\n{other}")

    found = keys()

    assert secrets.redact(f"{one} and {other}") == "*** and ***"
    assert one not in repr(found)
    assert repr(found[0].secret) not in repr(found)


@pytest.mark.parametrize("text", ["\n", "short", "A" * 42, f"{'A' * 43}\n?", "ä" * 43, "A" * 42 + "B"])
def test_what_is_no_key_is_refused_and_not_repeated(folder, text):
    keys, _ = keys_in(folder, LOCKGATE_SECRET_SIGNING_KEY=text)

    with pytest.raises(SecretMissing) as caught:
        keys()

    assert text.strip() == "" or text not in str(caught.value)


def test_a_file_that_others_may_read_is_refused_and_not_replaced(folder):
    keys_in(folder)[0]()
    (folder / "signing-key").chmod(0o644)
    before = (folder / "signing-key").read_bytes()

    with pytest.raises(SecretMissing, match="may be read by others"):
        keys_in(folder)[0]()

    assert (folder / "signing-key").read_bytes() == before


def test_where_none_can_be_made_the_secret_is_missing(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(SecretMissing, match="signing-key"):
        keys_in(tmp_path / "file")[0]()


def test_keys_are_read_once_and_again_when_asked_to(folder):
    keys, _ = keys_in(folder)
    before = keys()
    file = folder / "signing-key"
    file.write_text(f"{new_key()}\n{file.read_text(encoding='utf-8')}", encoding="utf-8")

    assert keys() == before
    after = keys(again=True)
    assert (len(after), after[1:]) == (2, before)
    assert keys() == after
