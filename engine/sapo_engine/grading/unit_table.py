"""Names of units: what they measure, and how many of its own unit one of them is."""

from __future__ import annotations

from fractions import Fraction

_TABLE = {
    "length": "mm 1/1000 millimeter millimetre, cm 1/100 centimeter centimetre, dm 1/10 decimeter, m 1 meter metre, "
    "km 1000 kilometer kilometre kms, in 0.0254 inch inche ins, ft 0.3048 foot feet, yd 0.9144 yard yds, "
    "mi 1609.344 mile",
    "mass": "mg 1/1000 milligram, g 1 gram gm gms, kg 1000 kilogram kilo kgs, t 1000000 ton tonne, "
    "oz 28.349523125 ounce, lb 453.59237 pound lbs",
    "time": "ms 1/1000 millisecond, s 1 sec second secs, min 60 minute mins, h 3600 hour hr hrs, d 86400 day, "
    "wk 604800 week wks, month 2629746, yr 31556952 year yrs",
    "volume": "ml 1/1000 mL milliliter millilitre cc, cl 1/100, l 1 L liter litre, gal 3.785411784 gallon, "
    "qt 0.946352946 quart, pt 0.473176473 pint, cup 0.2365882365",
    "angle": "radian 1 rad",
    "dollars": "$ 1 dollar USD, cent 1/100 ¢",
    "euros": "€ 1 euro EUR", "pounds sterling": "£ 1 GBP", "yen": "¥ 1 JPY", "rupees": "₹ 1 rupee Rs INR",
    "celsius": "celsius 1", "fahrenheit": "fahrenheit 1",
    "bytes": "byte 1 bytes, KB 1024 kilobyte, MB 1048576 megabyte, GB 1073741824 gigabyte",
    "power": "W 1 watt, kW 1000 kilowatt",
    "energy": "J 1 joule, kJ 1000 kilojoule, cal 4.184 calorie, kcal 4184, kWh 3600000",
    "force": "N 1 newton", "voltage": "V 1 volt", "current": "A 1 ampere amp", "frequency": "Hz 1 hertz",
    "temperature": "K 1 kelvin", "a.m.": "am 1 a.m", "p.m.": "pm 1 p.m",
}  # fmt: skip
COMPOUND = {"mph": ("mi", "h"), "kph": ("km", "h"), "kmh": ("km", "h"), "mps": ("m", "s"), "fps": ("ft", "s")}


def _known() -> dict[str, tuple[str, Fraction]]:
    found: dict[str, tuple[str, Fraction]] = {}
    for dimension, entries in _TABLE.items():
        for entry in entries.split(","):
            short, factor, *names = entry.split()
            for name in (short, *names):
                found[name] = (dimension, Fraction(factor))
                if len(name) > 2:
                    found[f"{name}s"] = (dimension, Fraction(factor))
    return found


KNOWN = _known()
