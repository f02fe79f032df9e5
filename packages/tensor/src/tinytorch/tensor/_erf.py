"""The error function for arrays, which NumPy lacks, to a few units in the last place.

Source:
    M. Abramowitz, I. Stegun, Handbook of Mathematical Functions: series 7.1.6 for magnitudes below
    2.5, continued fraction 7.1.14 above.
"""

import numpy as np

BOUNDARY = 2.5
TERMS = 60


def erf_array(x: np.ndarray) -> np.ndarray:
    """Give erf of each element, in the data type of ``x`` (computed in float64)."""
    wide = np.asarray(x, np.float64)
    magnitude = np.abs(wide)
    result = np.where(magnitude < BOUNDARY, series(magnitude), fraction(magnitude))
    return np.copysign(result, wide).astype(x.dtype if x.dtype.kind == "f" else np.float64)


def series(z: np.ndarray) -> np.ndarray:
    """2/sqrt(pi) exp(-z^2) times the sum of 2^n z^(2n+1) / (1 * 3 * ... * (2n+1))."""
    z = np.minimum(z, BOUNDARY)
    total = term = z
    for n in range(1, TERMS):
        term = term * (2 * z * z) / (2 * n + 1)
        total = total + term
    return np.asarray(2 / np.sqrt(np.pi) * np.exp(-z * z) * total)


def fraction(z: np.ndarray) -> np.ndarray:
    """1 - exp(-z^2)/sqrt(pi) / (z + (1/2)/(z + (2/2)/(z + (3/2)/(z + ...)))); 1 from 6 on."""
    z = np.clip(z, BOUNDARY, 6.0)
    bottom = z
    for n in range(TERMS, 0, -1):
        bottom = z + (n / 2) / bottom
    return np.asarray(1 - np.exp(-z * z) / (np.sqrt(np.pi) * bottom))
