"""References become values from the first place that has them; values stay out of errors, reprs and logs."""

from __future__ import annotations

import pytest

from lockgate.adapters.secrets.chain import open_secrets
from lockgate.errors import SecretMissing

URL = "postgresql://app:s%40cret99@db:5432/main"


@pytest.fixture
def folder(tmp_path):
    def put(name: str, content: bytes, mode: int = 0o600) -> None:
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(mode)

    put("warehouse-url", b"from the file\n")
    put("api-token", "größe\r\n".encode())
    put("open", b"x", 0o640)
    put("world", b"x", 0o604)
    put("huge", b"x" * 70_000)
    put("binary", b"\xff\xfe\x00")
    return tmp_path


def test_the_environment_goes_before_the_folder(folder):
    secrets = open_secrets({"LOCKGATE_SECRET_WAREHOUSE_URL": URL}, folder)

    assert secrets.resolve("secret://warehouse-url") == URL
    assert secrets.resolve("secret://api-token") == "größe"


def test_an_empty_variable_counts_as_not_set(folder):
    secrets = open_secrets({"LOCKGATE_SECRET_WAREHOUSE_URL": ""}, folder)

    assert secrets.resolve("secret://warehouse-url") == "from the file"


@pytest.mark.parametrize("text", ["", "plain", "https://host/secret://x", "secret:/x"])
def test_what_is_no_reference_comes_back_as_it_is(folder, text):
    assert open_secrets({}, folder).resolve(text) == text


@pytest.mark.parametrize("name", ["gone", "", "../warehouse-url", "/etc/passwd", ".", "a/b"])
def test_a_name_that_nobody_has_is_missing(folder, name):
    with pytest.raises(SecretMissing, match="is not set") as caught:
        open_secrets({}, folder).resolve(f"secret://{name}")

    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("open", "may be read by others"),
        ("world", "may be read by others"),
        ("huge", "64 KiB"),
        ("binary", "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(folder, name, why):
    with pytest.raises(SecretMissing, match=why):
        open_secrets({}, folder).resolve(f"secret://{name}")


def test_values_do_not_show(folder):
    secrets = open_secrets({"LOCKGATE_SECRET_DB": URL}, folder)
    secrets.resolve("secret://db")

    assert "cret99" not in repr(secrets) + str(vars(secrets)["_providers"])


def test_handed_out_values_and_the_passwords_in_them_are_hidden(folder):
    secrets = open_secrets({"LOCKGATE_SECRET_DB": URL}, folder)
    secrets.resolve("secret://db")

    assert secrets.redact(f"cannot reach {URL}, s%40cret99 or s@cret99") == "cannot reach ***, *** or ***"
    assert secrets.redact("from the file") == "from the file"


def test_a_value_that_only_looks_like_an_address_is_hidden_whole(folder):
    secrets = open_secrets({"LOCKGATE_SECRET_ODD": "http://[not an address"}, folder)
    secrets.resolve("secret://odd")

    assert secrets.redact("<http://[not an address>") == "<***>"


def test_a_folder_where_a_file_should_be_is_refused(folder):
    (folder / "deep").mkdir(mode=0o700)

    with pytest.raises(SecretMissing, match="cannot be read"):
        open_secrets({}, folder).resolve("secret://deep")
