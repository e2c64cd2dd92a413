"""Java's `Math.atan2`, bit for bit.

The C library's differs from it in the last bit. Beside the image's left and top borders that bit
decides whether a coordinate is just below or just above zero, and so moves a whole contour by a
pixel. Java's is that of fdlibm (Sun Microsystems, 1993), which says: "Permission to use, copy,
modify, and distribute this software is freely granted, provided that this notice is preserved."
"""

from __future__ import annotations

import numpy as np

_PI, _PI_LOW = 3.1415926535897931160e00, 1.2246467991473531772e-16
_HIGH = np.array(
    [
        4.63647609000806093515e-01,
        7.85398163397448278999e-01,
        9.82793723247329054082e-01,
        1.57079632679489655800e00,
        0.0,
    ]
)
_LOW = np.array(
    [
        2.26987774529616870924e-17,
        3.06161699786838301793e-17,
        1.39033110312309984516e-17,
        6.12323399573676603587e-17,
        0.0,
    ]
)
_SERIES = (
    3.33333333333329318027e-01,
    -1.99999999998764832476e-01,
    1.42857142725034663711e-01,
    -1.11111104054623557880e-01,
    9.09088713343650656196e-02,
    -7.69187620504482999495e-02,
    6.66107313738753120669e-02,
    -5.83357013379057348645e-02,
    4.97687799461593236017e-02,
    -3.65315727442169155270e-02,
    1.62858201153657823623e-02,
)


def atan2(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the angle of (x, y) in radians as Java's `Math.atan2` does; finite values only."""
    up, across = np.abs(y), np.abs(x)
    exponents = np.frexp(up)[1] - np.frexp(across)[1]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        angle = _atan(np.where(across > 0, up / across, 0.0))
    angle = np.where((exponents > 60) | (across == 0), _PI / 2 + 0.5 * _PI_LOW, angle)
    angle = np.where((x < 0) & (exponents < -60), 0.0, angle)
    angle = np.where(up == 0, 0.0, angle)
    left = np.signbit(x) & ~((across == 0) & (up > 0))
    return np.copysign(np.where(left, _PI - (angle - _PI_LOW), angle), y)


def _atan(x: np.ndarray) -> np.ndarray:
    """fdlibm's arctangent of numbers that are not negative."""
    part = np.select([x < 0.4375, x < 0.6875, x < 1.1875, x < 2.4375], [4, 0, 1, 2], 3)
    reduced = np.select(
        [part == 4, part == 0, part == 1, part == 2],
        [x, (2 * x - 1) / (2 + x), (x - 1) / (x + 1), (x - 1.5) / (1 + 1.5 * x)],
        -1.0 / np.where(x == 0, 1.0, x),
    )
    z = reduced * reduced
    w = z * z
    odd, even = _SERIES[10], _SERIES[9]
    for term in _SERIES[8::-2]:
        odd = term + w * odd
    for term in _SERIES[7::-2]:
        even = term + w * even
    series = reduced * (z * odd + w * even)
    small = np.where(x < 2.0**-29, reduced, reduced - series)
    return np.where(part == 4, small, _HIGH[part] - ((series - _LOW[part]) - reduced))
