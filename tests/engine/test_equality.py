# ruff: noqa: RUF001
r"""What is equal and what is not, kind by kind; each pair both ways round."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_engine.grading.equality import equal_apart, equal_here, is_read

# A kind, the pairs of it that say the same, and those that look alike and do not. `|||` parts the two of a pair.
KINDS = {
    "powers and factorials beyond floats": (
        r"""\frac{1}{2004!} ||| \frac{2005}{2005!}
            2 \cdot 2^{999999} ||| 2^{1000000}
            (1/2)^{500} ||| 2^{-500}
            9^{9^9} ||| 3^{2 \cdot 9^9}
            100! ||| 99! \cdot 100
            (2^{50}+1)^2 - (2^{50}-1)^2 ||| 2^{52}""",
        r"""\frac{1}{2004!} ||| \frac{1}{2006!}
            \frac{1}{2^{99}} ||| \frac{1}{2^{98}}
            2^{1000000}+1 ||| 2^{1000000}-1
            9^{9^9} ||| 9^{9^9}+1
            \frac{2^{2005}+1}{3 \cdot 2^{2006}} ||| \frac{1}{3 \cdot 2^{2006}}
            \sqrt{10^{40}+1} ||| 10^{20}
            1-2^{-99} ||| 1
            10^{-20} ||| 0""",
    ),
    "constants": (
        r"""1-\frac1{\mathrm e} ||| \frac{e-1}{e}
            e^{-1} ||| \frac{1}{e}
            \ln 4 ||| 2\ln 2
            \log_2 8 ||| 3
            e^{i\pi} ||| -1
            π/2 ||| \frac{\pi}{2}
            \sin\frac{\pi}{6} ||| 1/2
            \cos 36^\circ ||| \frac{1+\sqrt5}{4}""",
        r"""1-\frac1{\mathrm e} ||| 1+\frac1{\mathrm e}
            x^2-\mathrm d ||| x^2+\mathrm d
            \ln 2 ||| \log 2
            \frac{22}{7} ||| \pi
            \log_2 3 ||| \log_3 2
            \infty-\infty ||| 0
            \infty ||| -\infty""",
    ),
    "roots": (
        r"""4\sqrt(2) ||| 4\sqrt{2}
            \sqrt{2+\sqrt3} ||| \frac{\sqrt6+\sqrt2}{2}
            \sqrt[3]{2+\sqrt5}+\sqrt[3]{2-\sqrt5} ||| 1
            2√3 ||| \sqrt{12}
            \frac{1}{\sqrt2} ||| \frac{\sqrt2}{2}
            \sqrt[3]2 ||| 2^{1/3}""",
        r"""4 ||| 4\sqrt(2)
            \sqrt{3+2\sqrt2} ||| 1+\sqrt3
            \sqrt{7-4\sqrt3} ||| \sqrt3-2
            \sqrt{1+\sqrt{2+\sqrt3}} ||| \sqrt{1+\sqrt{2-\sqrt3}}
            2 ||| \frac{1+\sqrt5}{2}""",
    ),
    "bases": (
        r"""204_5 ||| 204
            204_{5} ||| 204_{\text{five}}
            (110)_2 ||| 110 \text{ base } 2
            2F_{16} ||| 2F_{16}
            11_{10} ||| 11""",
        r"""204_5 ||| 204_7
            1011_2 ||| 1011_3
            1011_2 ||| 11
            110_2 ||| 6
            1A_{16} ||| 1B_{16}""",
    ),
    "complex numbers": (
        r"""2i ||| \sqrt{-4}
            3+4i ||| 4i+3
            \frac{1}{1+i} ||| \frac{1-i}{2}
            |3+4i| ||| 5""",
        r"""2i ||| 2
            5 ||| 5+2i
            3-4i ||| 3+4i
            i ||| 1""",
    ),
    "letters": (
        r"""9a+11 ||| 11+9a
            (x+1)(x-1) ||| x^2-1
            \frac{a+b}{c} ||| \frac ac+\frac bc
            x_{1}+x_2 ||| x_2+x_1
            2\sin x\cos x ||| \sin 2x
            \sqrt{1/n} ||| \frac{1}{\sqrt n}
            2^{n+1} ||| 2\cdot 2^n
            \frac{n(n+1)}{2} ||| \binom{n+1}{2}
            \sin^2 x+\cos^2 x ||| 1
            |x| ||| \sqrt{x^2}""",
        r"""3x ||| 3y
            4a-b ||| 4
            7e ||| 7
            3x ||| 3
            5m ||| 5
            x ||| X
            x_1 ||| x_2
            |x| ||| x
            \sqrt{x^2} ||| x
            \ln|x| ||| \ln x
            \sin^2 x ||| \sin x^2
            2^x ||| x^2
            2(x+y) ||| 2x+y""",
    ),
    "what does not parse": (
        r"""\sum_{k=1}^n k ||| \sum_{k=1}^{n} k
            1/0 ||| 1/0
            5\ldots ||| 5 \ldots""",
        r"""\sum_{k=0}^{n-1} F_k ||| \sum_{k=0}^{n-2} F_k
            4 4/0 ||| 4
            5x+ ||| 5x
            (5 ||| 5
            1/0 ||| 2/0
            5\ldots ||| 5
            1, 2, 3, ... ||| 1, 2, 3""",
    ),
    "dates and times": (
        r"""3:30 p.m. ||| 3:30 PM
            3:30 pm ||| 3:30 P. M.
            2020-05-05 ||| 2020-05-05
            May 5, 2020 ||| May 5, 2020""",
        r"""3:30 pm ||| 3:30 am
            3:30 ||| 3.5
            12:00 ||| 12
            2020-05-05 ||| 2010
            2020-05-05 ||| 2020-05-06
            5/5/2020 ||| 1/2020
            May 5, 2020 ||| May 5, 2021""",
    ),
    "units straight on a number": (
        r"""25m² ||| 25
            25m^2 ||| 25 m^2
            25m^{2} ||| 25 \text{ square meters}
            25m2 ||| 25
            12cm3 ||| 12 \text{ cm}^3
            25sqft ||| 25
            3kg ||| 3
            3kg ||| 3000 g
            5% ||| 5
            60km/h ||| 60
            18km/h ||| 5m/s
            9.8m/s^2 ||| 9.8
            30min ||| 30
            5in ||| 5 inches
            8h ||| 8 hours
            5L ||| 5 liters
            5m ||| 5 m
            5m ||| 500 cm
            10kWh ||| 10
            50¢ ||| 50
            50¢ ||| \$0.50
            5\mathrm{m} ||| 5
            3\,\mathrm{m}/\mathrm{s} ||| 3""",
        r"""5m ||| 5
            5m ||| 5km
            5m ||| 5 g
            5m ||| 5 minutes
            5x ||| 5 m
            25m² ||| 25 m
            25m^2 ||| 25m^3
            25m^4 ||| 25
            25m^2+1 ||| 26
            25m^2n ||| 25
            25x^2 ||| 25
            m^2 ||| 1
            5m/n ||| 5
            5m/2 ||| 5
            5m/s ||| 5 km/h
            5L ||| 5
            3k ||| 3000
            3\mathrm{e} ||| 3
            x\mathrm{m} ||| x""",
    ),
    "decimal commas": (
        r"""3{,}5 ||| 3.5
            3{,}500 ||| 3500
            3,5 kg ||| 3.5 kg
            3,5\text{ cm} ||| 7/2
            -3,5 m ||| -3.5
            0,5 km ||| 500 m
            3,5\% ||| 3.5
            €3,50 ||| 3.5
            3,50 € ||| 3.5
            \$3,50 ||| 3.50
            1,2345 kg ||| 1.2345
            1,234 kg ||| 1234
            3,5 ||| 3, 5
            $3,5$ ||| 5, 3""",
        r"""3,5 ||| 3.5
            $3,5$ ||| 3.5
            (3,5) ||| 3.5
            (3,5) ||| (5,3)
            3,5 kg ||| 35 kg
            3{,}5 ||| 35
            1,234 kg ||| 1.234
            1,5,7 kg ||| 1.5
            2,5 or 3 ||| 2.5
            3,5 x ||| 3.5
            3,5\text{ and }7 ||| 3.5
            \{3,5 m\} ||| 3.5
            [3,5 m] ||| 3.5""",
    ),
    "words in text": (
        r"""\text{Tuesday} ||| Tuesday
            \text{Tuesday, May 5} ||| Tuesday, May 5
            25\text{ m}^2\text{ of grass} ||| 25
            \text{About } 5 \text{ hours} ||| 5
            5 \text{ (approximately)} ||| 5
            \text{Tom has } 5 \text{ apples} ||| 5
            \text{Area} = 25 \text{ m}^2 ||| 25
            10 \text{ units}^2 ||| 10
            \text{five} ||| 5""",
        r"""\text{Tuesday} ||| Monday
            \text{Tuesday, May 5} ||| 5
            \text{not }5 ||| 5
            5\text{ less than }x ||| 5
            5\text{ hundredths} ||| 5
            2\text{ thirds} ||| 2
            5\text{ squared} ||| 5
            5\text{ halves} ||| 5
            5\text{ times }x ||| 5""",
    ),
    "units": (
        r"""15\mbox{ cm}^2 ||| 15
            5 cm ||| 5\text{ centimeters}
            100\text{ cm} ||| 1\text{ m}
            60 minutes ||| 1 hour
            1 hour 30 minutes ||| 90 minutes
            5 feet and 6 inches ||| 66 inches
            12\text{ sq ft} ||| 12 square feet
            60 km/h ||| 60 \text{ kilometers per hour}
            7 apples ||| 7
            15\,\mathrm{cm} ||| 15
            9.8\ \mathrm{m/s^2} ||| 9.8
            2.54\text{ cm} ||| 1\text{ inch}
            72^\circ\text{F} ||| 72""",
        r"""5 cm ||| 5 m
            15 cm^2 ||| 15 cm^3
            4.5\text{ kg} ||| 4.5\text{ g}
            3.0\times 10^8\text{ m/s} ||| 3\times10^8\text{ km/s}
            5\text{ or more} ||| 5
            \text{more than }5 ||| 5
            9.8\ \mathrm{m/s^2} ||| 9.8\ \mathrm{m/s}
            72^\circ\text{F} ||| 72^\circ\text{C}
            5 apples and 3 pears ||| 5""",
    ),
    "money": (
        r"""\$18.50 ||| 18.5
            $1,234.00 ||| 1234
            \$0.50 ||| 50 cents
            \$3.2\text{ million} ||| 3200000
            \$12.00 \text{ per hour} ||| 12
            -\$5 ||| \$-5""",
        r"""\$5 ||| €5
            \$1,250.50 ||| \$1,250.05
            5\text{ million} ||| 5""",
    ),
    "percent": (
        r"""28\% ||| 28
            28\% ||| 28 percent
            28\% ||| 0.28
            12.5\% ||| \frac18
            4 4/9% ||| \frac{40}{900}""",
        r"""0.28 ||| 28
            28\% ||| 0.28\%
            28\% ||| 2800
            -25\% ||| 25\%""",
    ),
    "degrees": (
        r"""90^\circ ||| 90
            90° ||| 90 degrees
            90^\circ ||| \frac{\pi}{2}
            \frac{270}7\text{ degrees} ||| \frac{270}{7}""",
        r"""90^\circ ||| \pi
            30^\circ ||| 60^\circ""",
    ),
    "thousands": (
        r"""7,425,000 ||| 7425000
            14{,}916 ||| 14916
            11,\! 111,\! 111,\! 100 ||| 11111111100
            1 000 ||| 1000
            12\,345 ||| 12345
            1'000 ||| 1000""",
        r"""32349 ||| 32, 349
            1,23 ||| 123
            123,4567 ||| 1234567
            1.234 ||| 1234""",
    ),
    "mixed numbers": (
        r"""2\frac{1}{2} ||| \frac52
            1 1/4 ||| 5/4
            -4 4/9 ||| -\frac{40}{9}
            1⅔ ||| 5/3
            1 000 4/9 ||| \frac{9004}{9}
            2\frac{x}{3} ||| \frac{2x}{3}""",
        r"""2 2/3 ||| 2
            10 ||| 4 10/3
            1 1/4 ||| 11/4
            2\frac12 ||| 1
            11 6/6 ||| 12
            3\frac{3}{2} ||| 4.5
            11.0 4/9 ||| \frac{103}{9}""",
    ),
    "decimals": (
        r"""0.333333 ||| \frac13
            0.666667 ||| 2/3
            0.666666 ||| 2/3
            0.090909 ||| \frac1{11}
            0.\overline{3} ||| \frac13
            0.1\overline{6} ||| 1/6
            3.141593 ||| \pi
            .50 ||| \frac12
            004 ||| 4.0""",
        r"""0.333 ||| \frac13
            33.3 ||| \frac{100}{3}
            0.333334 ||| \frac13
            0.333333 ||| -\frac13
            0.000000 ||| \frac{1}{2^{99}}
            0.000001 ||| \frac{1}{2^{20}}
            3.14 ||| \pi
            7 ||| 7.00001""",
    ),
    "powers of ten": (
        r"""1.5e3 ||| 1500
            6.02 x 10^23 ||| 6.02\times10^{23}
            7x2 ||| 14
            1e-3 ||| 0.001
            3×10⁸ ||| 300000000
            .0000672 ||| 6.72\times10^{-5}""",
        r"""2e-3 ||| 0.002
            2e+3 ||| 2000
            6.02\times10^{23} ||| 6.02\times10^{22}""",
    ),
    "Unicode": (
        r"""−5 ||| -5
            ４２ ||| 42
            ٤٢ ||| 42
            ½ ||| 0.5
            x²≤4 ||| x^2 \le 4
            x₁ ||| x_1""",
        r"""−5 ||| 5
            x² ||| x^3""",
    ),
    "lists": (
        r"""6,8 ||| 6 \text{ and } 8
            -2,1 ||| 1,-2
            (1,2),(2,1) ||| (2,1),(1,2)
            \{1,2,2\} ||| \{2,1\}
            -12;-11 ||| \{-11,-12\}
            19, 46, and 82 ||| 82, 19, 46""",
        r"""1,2,3 ||| 1,2
            1,1,2 ||| 1,2
            \{1,2\} ||| \{1,2,3\}
            (1,2),(3,4) ||| (1,2),(4,3)
            19, 46, and 82 ||| 21, 36, and 82""",
    ),
    "points": (
        r"""\left( 3, \frac{\pi}{2} \right) ||| (3,\tfrac\pi2)
            (p,q)=(3,2) ||| (3,2)
            (0;-2;6) ||| (0,-2,6)
            \langle1,2\rangle ||| (1,2)
            1,2 ||| (1,2)""",
        r"""(3,1) ||| (1,3)
            (1,2,3) ||| (1,2)
            \{1,2\} ||| (1,2)
            2,1 ||| (1,2)""",
    ),
    "intervals and inequalities": (
        r"""(-\infty,3) ||| x<3
            0 < x < 12.5 ||| (0,12.5)
            x \in [-2,7] ||| -2 \le x \le 7
            5 \le x ||| x \ge 5
            -2x<6 ||| x>-3
            ]2,5[ ||| (2,5)
            (5,\infty)\cup(-\infty,3) ||| x<3 \text{ or } x>5
            (1,3)\cup[3,5) ||| (1,5)
            x\ne5 ||| \mathbb{R}\setminus\{5\}
            |x|<3 ||| (-3,3)
            \{x \mid x>3\} ||| (3,\infty)
            x>2 \text{ and } x<5 ||| (2,5)
            \mathbb R ||| \text{all real numbers}
            a<b ||| b>a""",
        r"""[2,5) ||| (2,5)
            (-\infty,3] ||| x<3
            -2x<6 ||| x<-3
            (1,3)\cup(3,5) ||| (1,5)
            x<3 ||| y<3
            x>5 ||| x<5
            f(2)<f(1)<f(4) ||| f(1)<f(2)<f(4)""",
    ),
    "plus-minus": (
        r"""1\pm\sqrt5 ||| 1+\sqrt5, 1-\sqrt5
            \pm 2021 ||| -2021, 2021
            x=\pm2 ||| x=2 \text{ or } x=-2
            2\pm\sqrt3 ||| 2\mp\sqrt3""",
        r"""\pm 2021 ||| 2021
            1\pm\sqrt2 ||| 1+\sqrt2""",
    ),
    "equations and names": (
        r"""x=5 ||| 5
            5=x ||| x=5
            x = 5+5+1 = 11 ||| 11
            x=1/3\approx0.33 ||| 1/3
            x=-5,\ p=\frac{14}{3} ||| -5, \frac{14}{3}
            x=1,y=2 ||| (1,2)
            p=5,q=2;p=7,q=2 ||| (7,2),(5,2)
            y=-\frac12x+\frac34 ||| 2x+4y-3=0
            x^2/4+y^2/3=1 ||| x^2/16+y^2/12=1/4
            f(t)=t^2 ||| f(x)=x^2
            AB=4 ||| 4
            f^{-1}(x)=\frac{x-1}{2} ||| \frac{x-1}{2}
            (x,y)=(3,4) ||| y=4, x=3
            \angle ABC=30^\circ ||| 30""",
        r"""7=11a+c ||| 11a+c
            x=5 ||| y=5
            x=1,y=2 ||| (2,1)
            y=2x+3 ||| y=2x-3
            D=(0,1) ||| D=(0,1.5)
            f(x)=x^2 ||| g(x)=x^2
            x^2+y^2=25 ||| x^2+y^2=5""",
    ),
    "matrices": (
        r"""\begin{pmatrix}1 & 2 \\ 3 & 4\end{pmatrix} ||| \left[\begin{array}{cc}1 & 2 \\ 3 & 4\end{array}\right]
            \frac12\begin{pmatrix}2\\4\end{pmatrix} ||| \begin{bmatrix} 1 \\ 2 \end{bmatrix}
            \begin{pmatrix}1\\2\end{pmatrix} ||| (1,2)""",
        r"""\begin{pmatrix}1 & 2 \\ 3 & 4\end{pmatrix} ||| \begin{pmatrix}1 & 2 \\ 3 & 5\end{pmatrix}
            \begin{pmatrix}1 & 2\end{pmatrix} ||| \begin{pmatrix}1\\2\end{pmatrix}
            \begin{vmatrix}1 & 2 \\ 3 & 4\end{vmatrix} ||| \begin{pmatrix}1 & 2 \\ 3 & 4\end{pmatrix}""",
    ),
    "choices and words": (
        r"""E: the last one ||| E
            \text{(C)} ||| C
            \textbf{(B)}\ 12 ||| \text{(B)}
            \textbf{(B)}\ 12 ||| 12
            Option D ||| (D)
            \text{Evelyn} ||| Evelyn
            Paris ||| paris
            \text{13} ||| 13
            \text{II only} ||| II
            \text{A, C} ||| C and A
            \text{Alice and Bob} ||| Bob and Alice
            \text{DNE} ||| dne
            \text{infinity} ||| \infty
            twenty-five ||| 25
            five ||| 5""",
        r"""E: the last one ||| D
            d ||| \text{E}
            (A) 15 ||| (B) 15
            \text{even} ||| odd
            \text{blue} ||| \text{red}""",
    ),
    "ratios and times": (
        r"""3:4 ||| 6:8
            3:4 ||| \frac34
            V_1:V_2=11:21 ||| 11:21""",
        r"""3:4 ||| 4:3
            12:00 ||| 1:00
            3:00\text{ p.m.} ||| 3:00\text{ a.m.}""",
    ),
    "rates and remarks": (
        r"""25 miles per hour ||| 25
            \text{25 miles per hour} ||| 25
            25 miles per hour ||| 25 mph
            \$5 per hour ||| 5
            3 apples per person ||| 3
            5 meters per second ||| 5 m/s
            5 per cent ||| 5\%""",
        r"""5 meters per second ||| 5 meters per hour
            5 per cent ||| 5 per mille
            5\text{ is wrong} ||| 5
            5\text{ is not it} ||| 5
            5 per 2 ||| 5""",
    ),
    "factorials and infinities": (
        r"""7!3! ||| 30240
            2!3 ||| 6
            \frac{10!}{7!3!} ||| 120
            -infinity ||| -\infty
            (-infinity, 3) ||| (-\infty,3)""",
        r"""-infinity ||| infinity
            -infinity ||| \infty
            -\text{infinity} ||| \infty
            -seven ||| seven
            2! 3 ||| 6
            x=1 and y=2 ||| x=1 or y=2""",
    ),
    "layout": (
        r"""\displaystyle\frac{1}{2}\! ||| \dfrac12
            $\frac{1}{2}$ ||| \(1/2\)
            **7** ||| 7.
            \frac 59 ||| 5/9
            {5} ||| \mathbf{5}""",
        r"""\frac{1}{2} ||| \frac{2}{1}
            2^10 ||| 2^{1}0""",
    ),
}


def pairs(column):
    lines = [(kind, line.strip()) for kind, columns in KINDS.items() for line in columns[column].split("\n")]
    return [pytest.param(*line.split(" ||| "), id=f"{kind}: {line}") for kind, line in lines]


@pytest.mark.parametrize(("left", "right"), pairs(0))
def test_the_same_in_other_words(left, right):
    assert equal_here(left, right) is True
    assert equal_here(right, left) is True


@pytest.mark.parametrize(("left", "right"), pairs(1))
def test_not_the_same_however_alike(left, right):
    assert equal_here(left, right) is False
    assert equal_here(right, left) is False


def test_each_kind_has_several_of_both():
    assert len(KINDS) == 31
    assert all(len(column.split("\n")) >= 2 for columns in KINDS.values() for column in columns)


def test_an_answer_may_say_what_its_number_is_the_value_of_but_a_number_is_no_line():
    assert equal_here("m+n = 293", "293") is True
    assert equal_here("293", "m+n = 293") is False
    assert equal_here("x + y = 5", "6") is False
    assert equal_here("2x+z = 1", "1") is False


@pytest.mark.parametrize(
    ("answer", "reference", "equal"),
    [
        (r"1000000!", r"1000000 \cdot 999999!", True),
        (r"1000000!", r"999999!", False),
        (r"9^{9^{9^{9}}}", r"x+1", False),
        (r"10^{10^{10^{10}}}", r"10^{10^{10^{10}}} + 1", False),
        (r"\sin(10^{10^{6}})", "0", False),
    ],
)
def test_what_is_too_much_here_is_told_apart_or_not_equal(answer, reference, equal):
    assert equal_here(answer, reference) is None
    assert equal_apart(answer, reference) is equal


@given(st.fractions(max_denominator=2000), st.integers(6, 12))
def test_a_decimal_of_a_fraction_is_equal_from_six_places_on(fraction, places):
    rounded = round(fraction, places)
    written = f"{int(rounded * 10**places) / 10**places:.{places}f}" if abs(fraction) < 10**3 else None
    if written is None or abs(rounded) * 10**places < 100:
        return
    assert equal_here(written, f"{fraction.numerator}/{fraction.denominator}") is True
    if rounded != fraction:
        moved = rounded + (2 if rounded > 0 else -2) * type(fraction)(1, 10**places)
        assert equal_here(f"{float(moved):.{places}f}", f"{fraction.numerator}/{fraction.denominator}") is False


@given(st.integers(-30, 30), st.integers(-30, 30), st.integers(1, 9))
def test_a_polynomial_is_the_same_multiplied_out_and_no_other(root, other, factor):
    product = f"{factor}(x-({root}))(x-({other}))"
    written = f"{factor}x^2+({-factor * (root + other)})x+({factor * root * other})"
    assert equal_here(product, written) is True
    assert equal_here(product, f"{written}+1") is False


@given(st.text(st.sampled_from("0123456789.,+-*/^_=<>()[]{}|!%$&;:' \\abxei√²½–"), max_size=40), st.text(max_size=20))
def test_the_verdict_is_the_same_both_ways_round_and_of_each_with_itself_true(left, right):
    assert equal_here(left, left) is True
    if "=" not in left + right:
        assert equal_here(left, right) == equal_here(right, left)


def test_what_is_read_as_mathematics():
    assert all(map(is_read, ("5", r"\frac12", "Paris", "(1,2)", "x<3", "1,2")))
    assert not any(map(is_read, (r"\sum_{k=1}^n k", "5x+", "1, 2, ...")))
