"""Making an environment of its own for the engine: torch and what goes with it, beside a program that brings none.

`plan` says what is run (pure), `pythons` which Python it is made with, `own_wheel` where the program itself comes from,
`output` reads what pip and uv say, `making` does it, `standing` says what there is and takes it away.
"""
