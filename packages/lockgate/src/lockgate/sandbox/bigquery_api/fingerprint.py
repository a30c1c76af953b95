"""FARM_FINGERPRINT: `Fingerprint64` of FarmHash, which never changes.

Source: github.com/google/farmhash, and cloud.google.com/bigquery/docs/reference/standard-sql/hash_functions.
"""

from __future__ import annotations

_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_MASK = (1 << 64) - 1


def fingerprint(data: bytes) -> int:
    """The fingerprint of bytes, as a signed integer of 64 bits."""
    value = _hashed(bytes(data))
    return value - (1 << 64) if value >> 63 else value


def _fetch(data: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _rotated(value: int, shift: int) -> int:
    return ((value >> shift) | (value << (64 - shift))) & _MASK


def _mixed(value: int) -> int:
    return value ^ (value >> 47)


def _len_16(u: int, v: int, factor: int) -> int:
    a = _mixed(((u ^ v) * factor) & _MASK)
    b = _mixed(((v ^ a) * factor) & _MASK)
    return (b * factor) & _MASK


def _hashed(data: bytes) -> int:
    size = len(data)
    if size <= 16:  # noqa: PLR2004  bytes
        return _to_16(data, size)
    if size <= 32:  # noqa: PLR2004  bytes
        return _to_32(data, size)
    return _to_64(data, size) if size <= 64 else _long(data, size)  # noqa: PLR2004  bytes


def _to_16(data: bytes, size: int) -> int:
    factor = (_K2 + size * 2) & _MASK
    if size >= 8:  # noqa: PLR2004  bytes
        a, b = (_fetch(data, 0) + _K2) & _MASK, _fetch(data, size - 8)
        c = (_rotated(b, 37) * factor + a) & _MASK
        d = ((_rotated(a, 25) + b) * factor) & _MASK
        return _len_16(c, d, factor)
    if size >= 4:  # noqa: PLR2004  bytes
        return _len_16((size + (_fetch(data, 0, 4) << 3)) & _MASK, _fetch(data, size - 4, 4), factor)
    if size == 0:
        return _K2
    y = (data[0] + (data[size >> 1] << 8)) & 0xFFFFFFFF
    z = (size + (data[size - 1] << 2)) & 0xFFFFFFFF
    return (_mixed((y * _K2 & _MASK) ^ (z * _K0 & _MASK)) * _K2) & _MASK


def _to_32(data: bytes, size: int) -> int:
    factor = (_K2 + size * 2) & _MASK
    a, b = (_fetch(data, 0) * _K1) & _MASK, _fetch(data, 8)
    c, d = (_fetch(data, size - 8) * factor) & _MASK, (_fetch(data, size - 16) * _K2) & _MASK
    left = (_rotated((a + b) & _MASK, 43) + _rotated(c, 30) + d) & _MASK
    return _len_16(left, (a + _rotated((b + _K2) & _MASK, 18) + c) & _MASK, factor)


def _to_64(data: bytes, size: int) -> int:
    factor = (_K2 + size * 2) & _MASK
    a, b = (_fetch(data, 0) * _K2) & _MASK, _fetch(data, 8)
    c, d = (_fetch(data, size - 8) * factor) & _MASK, (_fetch(data, size - 16) * _K2) & _MASK
    y = (_rotated((a + b) & _MASK, 43) + _rotated(c, 30) + d) & _MASK
    z = _len_16(y, (a + _rotated((b + _K2) & _MASK, 18) + c) & _MASK, factor)
    e, f = (_fetch(data, 16) * factor) & _MASK, _fetch(data, 24)
    g, h = ((y + _fetch(data, size - 32)) * factor) & _MASK, ((z + _fetch(data, size - 24)) * factor) & _MASK
    left = (_rotated((e + f) & _MASK, 43) + _rotated(g, 30) + h) & _MASK
    return _len_16(left, (e + _rotated((f + a) & _MASK, 18) + g) & _MASK, factor)


def _weak(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_fetch(data, at + step) for step in (0, 8, 16, 24))
    a = (a + w) & _MASK
    b = _rotated((b + a + z) & _MASK, 21)
    c = a
    a = (a + x + y) & _MASK
    b = (b + _rotated(a, 44)) & _MASK
    return (a + z) & _MASK, (b + c) & _MASK


def _long(data: bytes, size: int) -> int:
    seed = 81
    x, y = seed, (seed * _K1 + 113) & _MASK
    z = (_mixed((y * _K2 + 113) & _MASK) * _K2) & _MASK
    v, w = (0, 0), (0, 0)
    x = (x * _K2 + _fetch(data, 0)) & _MASK
    end, last = ((size - 1) // 64) * 64, size - 64
    for at in range(0, end, 64):
        x = (_rotated((x + y + v[0] + _fetch(data, at + 8)) & _MASK, 37) * _K1) & _MASK
        y = (_rotated((y + v[1] + _fetch(data, at + 48)) & _MASK, 42) * _K1) & _MASK
        x ^= w[1]
        y = (y + v[0] + _fetch(data, at + 40)) & _MASK
        z = (_rotated((z + w[0]) & _MASK, 33) * _K1) & _MASK
        v = _weak(data, at, (v[1] * _K1) & _MASK, (x + w[0]) & _MASK)
        w = _weak(data, at + 32, (z + w[1]) & _MASK, (y + _fetch(data, at + 16)) & _MASK)
        z, x = x, z
    factor = (_K1 + ((z & 0xFF) << 1)) & _MASK
    w = ((w[0] + ((size - 1) & 63)) & _MASK, w[1])
    v = ((v[0] + w[0]) & _MASK, v[1])
    w = ((w[0] + v[0]) & _MASK, w[1])
    x = (_rotated((x + y + v[0] + _fetch(data, last + 8)) & _MASK, 37) * factor) & _MASK
    y = (_rotated((y + v[1] + _fetch(data, last + 48)) & _MASK, 42) * factor) & _MASK
    x ^= (w[1] * 9) & _MASK
    y = (y + v[0] * 9 + _fetch(data, last + 40)) & _MASK
    z = (_rotated((z + w[0]) & _MASK, 33) * factor) & _MASK
    v = _weak(data, last, (v[1] * factor) & _MASK, (x + w[0]) & _MASK)
    w = _weak(data, last + 32, (z + w[1]) & _MASK, (y + _fetch(data, last + 16)) & _MASK)
    z, x = x, z
    left = (_len_16(v[0], w[0], factor) + (_mixed(y) * _K0) + z) & _MASK
    return _len_16(left, (_len_16(v[1], w[1], factor) + x) & _MASK, factor)
