"""Numbers that look random and are a function of their arguments, many at a time."""

import hashlib

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def key_of(*parts: object) -> int:
    """A 64-bit number for a few values."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def mixed(keys: Hashes, steps: npt.NDArray[np.int64]) -> Hashes:
    """64 bits for every pair of a key and a step: splitmix64, which has no state."""
    bits = keys + steps.astype(np.uint64) * _GOLDEN
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixture: Hashes = bits ^ (bits >> np.uint64(31))
    return mixture


def share(bits: Hashes, *, nth: int) -> npt.NDArray[np.float64]:
    """The nth 16 bits as numbers in [0, 1), nth from 0 to 3; independent of the other three."""
    part = (bits >> np.uint64(16 * nth)) & np.uint64(0xFFFF)
    fractions: npt.NDArray[np.float64] = part / 65536.0
    return fractions
