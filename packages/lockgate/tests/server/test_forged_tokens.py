"""Tokens that nobody gave out: none is accepted, and none is more than refused."""

from __future__ import annotations

import hashlib
import hmac
import json
import string
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lockgate.adapters.credentials.jwt import JwtTokens
from lockgate.adapters.credentials.signing_keys import SigningKey
from lockgate.errors import TokenRefused

PASSWORD = "eleven grey herons at dawn"
WYCHEPROOF = json.loads(Path(__file__).with_name("wycheproof").joinpath("tokens.json").read_text(encoding="utf-8"))

RSA = json.loads(Path(__file__).with_name("wycheproof").joinpath("rsa.json").read_text(encoding="utf-8"))
# What Wycheproof's tokens call their symmetric keys.
NAMED = ("kid-aes-sign", "long_hs256_key", "short_hs256_key", "hs256_key", "018c0ae5-4d9b-471b-bfd6-eef314bc7037")
# What stands before the modulus in a public key of 2048 bits (RFC 8017, A.1.1; RFC 5280, 4.1), and before a digest.
SPKI = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100")
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


def number_of(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=="), "big")


def signed_by_rsa(text: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 by somebody else's key (RFC 8017, 8.2)."""
    digest = SHA256 + hashlib.sha256(text).digest()
    padded = b"\0\1" + b"\xff" * (256 - 3 - len(digest)) + b"\0" + digest
    return pow(int.from_bytes(padded, "big"), number_of(RSA["d"]), number_of(RSA["n"])).to_bytes(256, "big")


def part(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class Forger:
    """Knows a good token, and the key for what an owner of the key could get wrong; makes tokens that are not good."""

    def __init__(self, good: str, key: bytes, other_subject: str) -> None:
        self.good, self.key, self.other = good, key, other_subject
        self.head, self.body, self.mac = good.split(".")
        self.header, self.claims = (json.loads(urlsafe_b64decode(each + "==")) for each in (self.head, self.body))
        modulus = number_of(RSA["n"]).to_bytes(256, "big")
        self.public = b64encode(SPKI + modulus + b"\x02\x03\x01\x00\x01")
        self.pem = b"-----BEGIN PUBLIC KEY-----\n" + self.public + b"\n-----END PUBLIC KEY-----\n"

    def signed(self, header: object, claims: object, key: bytes | None = None, digest: str = "sha256") -> str:
        text = f"{part(header)}.{part(claims)}"
        return f"{text}.{part(hmac.digest(self.key if key is None else key, text.encode(), digest))}"

    def families(self) -> Iterator[tuple[str, str]]:
        for name in (
            "unsigned", "other_algorithms", "confused_keys", "keys_of_their_own", "extended_headers", "named_keys",
            "other_keys", "other_claims", "other_times", "other_writings", "other_forms", "changed_bits", "odd_members",
        ):  # fmt: skip
            yield from ((name, token) for token in getattr(self, name)())

    def unsigned(self):
        for spelling in (
            "none",
            "None",
            "NONE",
            "nOnE",
            "none ",
            " none",
            "",
            "null",
            None,
            False,
            0,
            [],
            ["none"],
            {},
        ):
            for mac in ("", self.mac, part(b"")):
                yield f"{part({**self.header, 'alg': spelling})}.{self.body}.{mac}"
        yield f"{part({'typ': 'at+jwt'})}.{self.body}."

    def other_algorithms(self):
        for name, digest in (("HS384", "sha384"), ("HS512", "sha512"), ("hs256", "sha256"), ("HS1", "sha1")):
            yield self.signed({**self.header, "alg": name}, self.claims, digest=digest)
            if digest != "sha256":
                yield self.signed(self.header, self.claims, digest=digest)
        for name in ("HMACSHA256", "HS256 ", "HS256\u0000", "ＨＳ256", "A256KW", "dir", "EdDSA", "PBES2-HS256+A128KW"):
            yield self.signed({**self.header, "alg": name}, self.claims)

    def confused_keys(self):
        pem, key = self.pem, self.key
        for name in ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "HS256"):
            yield self.signed({**self.header, "alg": name}, self.claims, pem)
            yield self.signed({**self.header, "alg": name}, self.claims, pem.strip())
            yield self.signed({**self.header, "alg": name}, self.claims, b"")
        for guess in (
            key[:16],
            key[:-1],
            b"\0" + key,
            key[::-1],
            b64encode(key),
            key.hex().encode(),
            b"\0" * 32,
            b"secret",
        ):
            yield self.signed(self.header, self.claims, guess)
        for name in ("RS256", "RS512", "PS256", "HS256"):
            text = f"{part({**self.header, 'alg': name})}.{self.body}"
            yield f"{text}.{part(signed_by_rsa(text.encode()))}"
        for size in (0, 32, 64, 256):
            yield f"{part({**self.header, 'alg': 'ES256'})}.{self.body}.{part(bytes(size))}"

    def keys_of_their_own(self):
        own = b"k" * 32
        jwk = {"kty": "oct", "k": part(own), "alg": "HS256", "kid": self.header["kid"]}
        of_rsa = {"kty": "RSA", "n": RSA["n"], "e": RSA["e"]}
        for more in (
            {"jwk": jwk}, {"jwk": of_rsa}, {"jwks": {"keys": [jwk]}}, {"x5c": [self.public.decode()]},
            {"jku": "http://127.0.0.1:9/jwks.json"}, {"jku": "file:///etc/passwd"}, {"x5u": "http://127.0.0.1:9/x.pem"},
            {"x5t": part(b"x" * 20)}, {"x5t#S256": part(b"x" * 32)}, {"jku": None}, {"jwk": None},
        ):  # fmt: skip
            yield self.signed({**self.header, **more}, self.claims, own)
            yield self.signed({**self.header, **more}, self.claims)

    def extended_headers(self):
        for more in (
            {"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"b64": True},
            {"zip": "DEF"}, {"cty": "JWT"}, {"exp": 9_999_999_999}, {"enc": "A256GCM"}, {"epk": {}}, {"p2c": 2**31},
            {"": ""}, {"ALG": "HS256"},
        ):  # fmt: skip
            yield self.signed({**self.header, **more}, self.claims)
        for kind in ("JWT", "jwt", "at+JWT", "application/at+jwt", "id+jwt", "", None, ["at+jwt"]):
            yield self.signed({**self.header, "typ": kind}, self.claims)
        for missing in self.header:
            yield self.signed({name: value for name, value in self.header.items() if name != missing}, self.claims)
        text = f"{part({**self.header, 'b64': False, 'crit': ['b64']})}.{json.dumps(self.claims)}"
        yield f"{text}.{part(hmac.digest(self.key, text.encode(), 'sha256'))}"

    def named_keys(self):
        for name in (
            "", "../../../../dev/null", "/dev/null", "signing-key", "../signing-key", "' OR '1'='1",
            "'; DROP TABLE person; --", "x' UNION SELECT 'aaaa' --", "| sleep 1", "$(id)", "${jndi:ldap://127.0.0.1:9/x}",
            "a" * 2_000, "\u0000", "ü", None, 0, -1, 1.5, True, [], {}, [self.header["kid"]],
            self.header["kid"].upper() + "A", self.header["kid"] + " ", self.header["kid"][:-1],
        ):  # fmt: skip
            yield self.signed({**self.header, "kid": name}, self.claims, b"")
            yield self.signed({**self.header, "kid": name}, self.claims)

    def other_keys(self):
        for number in range(12):
            yield self.signed(self.header, self.claims, hashlib.sha256(bytes([number])).digest())
        yield self.signed(self.header, {**self.claims, "sub": self.other}, b"k" * 32)

    def other_claims(self):
        """Signed by the right key, which nobody but us has: what a token for something else would say."""
        for name, values in {
            "aud": ("another-project", "", None, [], ["inventory"], ["inventory", "x"], {"inventory": 1}, "Inventory"),
            "iss": ("lockgate.example", "", None, ["lockgate"], "Lockgate", 1),
            "sub": (self.other, "", None, 1, ["ada"], {"ada": 1}, "ada\u0000", "ADA", "machine:ada", True),
            "jti": ("", None, 1, [], {}, "0" * 32, "a" * 3_000, "' OR 1=1 --", "ü"),
            "client_id": ("", None, 1, []),
        }.items():  # fmt: skip
            for value in values:
                yield self.signed(self.header, {**self.claims, name: value})
        for missing in self.claims:
            yield self.signed(self.header, {name: value for name, value in self.claims.items() if name != missing})
        for more in ({"roles": ["admin"]}, {"scope": "admin"}, {"cnf": {}}, {"act": {"sub": self.other}}, {"": 1}):
            yield self.signed(self.header, {**self.claims, **more})
        for whole in ([], "x", 1, None, True, {}, [self.claims], json.dumps(self.claims)):
            yield self.signed(self.header, whole)

    def other_times(self):
        now = int(datetime.now(UTC).timestamp())
        hours = int(timedelta(hours=1).total_seconds())
        ends = (
            now - 1, now - hours, 0, -1, str(now + hours), float(now + hours), now + 0.5, None, True, False, [], {}, "",
            "9" * 30, 2**31 * 2**31, 10**40, 253_402_300_800, 10**18, -(10**18), "Infinity", "never",
        )  # fmt: skip
        for name in ("exp", "nbf", "iat"):
            for value in ends:
                if name == "exp" or not (type(value) is int and 0 <= value <= now):
                    yield self.signed(self.header, {**self.claims, name: value})
            for text in ("NaN", "Infinity", "-Infinity", "1e999", "1e10", "0x7fffffff", "9" * 20, "1_000", "+1"):
                raw = json.dumps({**self.claims, name: "HERE"}).replace('"HERE"', text)
                yield self.signed(self.header, raw.encode())
        for name in ("nbf", "iat"):
            yield self.signed(self.header, {**self.claims, name: now + hours})

    def other_writings(self):
        head, body, mac = self.head, self.body, self.mac
        for each in ("=", "==", "\t", "%3D", "\u00a0", "\u00ad", "+", "/", "*", "~", ".", ",", ";", "\u2024"):
            yield from (f"{head}{each}.{body}.{mac}", f"{head}.{body}{each}.{mac}", f"{head}.{body}.{mac}{each}")
        yield from (f"{head} .{body}.{mac}", f"{head}. {body}.{mac}", f"{head}.{body}. {mac}")
        last = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
        for shift in (1, 2, 3):  # the bits of the last character that mean nothing
            yield f"{head}.{body}.{mac[:-1]}{last[(last.index(mac[-1]) & ~3) | ((last.index(mac[-1]) + shift) & 3)]}"

    def other_forms(self):
        head, body, mac = self.head, self.body, self.mac
        flat = {"protected": head, "payload": body, "signature": mac}
        yield from (
            json.dumps(flat),
            json.dumps({"payload": body, "signatures": [{"protected": head, "signature": mac}]}),
        )
        yield from (
            "",
            ".",
            "..",
            "...",
            "....",
            "a",
            "a.b",
            "a.b.c",
            f"{head}.{body}",
            f"{head}.{body}.",
            f".{body}.{mac}",
        )
        yield from (
            f"{head}..{mac}",
            f"{self.good}.",
            f".{self.good}",
            f"{self.good}.{mac}",
            f"{head}.{body}.{mac}.{mac}.{mac}",
        )
        yield self.signed({**self.header, "cty": "JWT"}, self.good.encode())
        yield self.signed(self.header, self.good.encode())
        yield f"{part({'alg': 'dir', 'enc': 'A256GCM'})}..{part(b'n' * 12)}.{part(b'c' * 99)}.{part(b't' * 16)}"
        of_rsa = {"alg": "RSA-OAEP", "enc": "A128GCM", "zip": "DEF"}
        yield ".".join(map(part, (of_rsa, b"k" * 99, b"n" * 12, b"c", b"t" * 16)))
        yield from ("v4.local.AAAA", "v2.public.AAAA", self.claims["jti"], f"{self.claims['jti']}.x.y", self.good * 3)
        yield self.signed(self.header, {**self.claims, "pad": "x" * 6_000})
        yield self.signed(self.header, b"[" * 3_000)
        yield self.signed(b"[" * 2_000, self.claims)
        yield self.signed(b'{"a":' * 500 + b"1" + b"}" * 500, self.claims)
        yield self.signed(self.header, b"\xff\xfe")
        yield self.signed(b"\xef\xbb\xbf" + json.dumps(self.header).encode(), self.claims)
        yield self.signed(self.header, json.dumps(self.claims).encode("utf-16"))

    def changed_bits(self):
        for place in range(0, len(self.good), 7):
            if self.good[place] != ".":
                yield f"{self.good[:place]}{'A' if self.good[place] != 'A' else 'B'}{self.good[place + 1 :]}"
        for length in (1, 10, len(self.head), len(self.head) + 1, len(self.good) // 2, len(self.good) - 1):
            yield self.good[:length]

    def odd_members(self):
        head, claims = json.dumps(self.header), json.dumps(self.claims)
        for name in self.header:
            yield self.signed(f'{head[:-1]}, "{name}": {json.dumps(self.header[name])}}}'.encode(), self.claims)
            yield self.signed(f'{{"{name}": "x", {head[1:]}'.encode(), self.claims)
        for name in self.claims:
            yield self.signed(self.header, f'{claims[:-1]}, "{name}": {json.dumps(self.claims[name])}}}'.encode())
            yield self.signed(self.header, f'{{"{name}": "x", {claims[1:]}'.encode())
        yield self.signed(head.encode() + b" {}", self.claims)
        yield self.signed(self.header, claims.encode() + b"{}")


@pytest.fixture
def forger(service):
    access = service.access
    access.add_person("root", PASSWORD, ["admin"])
    access.add_person("ada", PASSWORD, ["viewer"])
    good = access.sign_in("ada", PASSWORD).token
    (key,) = access._tokens._keys(False)
    return Forger(good, key.secret, "root")


def as_header(token: str) -> bytes | None:
    """A token as the value of a header; None where no client could send it."""
    raw = f"Bearer {token}".encode()
    return None if raw != raw.strip() or any(byte < 32 or byte == 127 for byte in raw) else raw


def test_the_forger_knows_how_good_ones_are_made(service, forger):
    facts = service.access.read_token(forger.good)

    assert service.access.read_token(forger.signed(forger.header, forger.claims)) == facts
    assert (facts.subject, facts.token_id) == ("ada", forger.claims["jti"])


def test_no_forged_token_is_accepted_and_none_is_more_than_refused(running, service, forger):
    _, client = running()
    tokens = [*forger.families(), *(("wycheproof", token) for _, token, _ in WYCHEPROOF)]

    answers = Counter()
    taken = []
    for family, token in tokens:
        header = as_header(token)
        if header is None:
            with pytest.raises(TokenRefused):
                service.access.read_token(token)
            continue
        status = client.get("/api/jobs", headers={b"Authorization": header}).status_code
        answers[status] += 1
        if status != 401:
            taken.append((family, status, token[:400]))

    assert taken == []
    assert len({token for _, token in tokens}) >= 850
    assert set(answers) == {401}
    assert client.get("/api/jobs", headers={"Authorization": f"Bearer {forger.good}"}).status_code == 200


@pytest.mark.parametrize("key", sorted({key for _, _, key in WYCHEPROOF if key}))
def test_a_token_of_another_standard_is_refused_though_its_key_were_ours(key):
    secret = urlsafe_b64decode(key + "==")
    tokens = [(name, token) for name, token, of in WYCHEPROOF if of == key]
    reader = JwtTokens(lambda again: [SigningKey(name, secret) for name in NAMED])

    for _, token in tokens:
        with pytest.raises(TokenRefused):
            reader.verified(token)


def test_the_token_of_another_project_is_refused(service, forger):
    with pytest.raises(TokenRefused):
        service.access.read_token(forger.signed(forger.header, {**forger.claims, "aud": "commerce"}))
