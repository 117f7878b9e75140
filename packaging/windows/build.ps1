# The folder of the window, and an installer of it. Run on Windows, in an environment with the extras ui and package:
#     powershell -File packaging\windows\build.ps1 [-Out dist]
# Needs Inno Setup 6 (iscc on the path). Not run yet: checked by tests/kernel/test_packaging.py for names and paths alone.
param([string]$Out = "dist", [string]$Python = ".venv-package\Scripts\python.exe")
$ErrorActionPreference = "Stop"
$root = Resolve-Path (Join-Path $PSScriptRoot "..\..")
Set-Location $root
$version = & $Python -c "import sapo_studio; print(sapo_studio.__version__)"
if ($LASTEXITCODE -ne 0) { throw "There is no environment $Python" }
& $Python packaging\build.py $Out
if ($LASTEXITCODE -ne 0) { throw "The folder could not be made" }
& iscc "/DVersion=$version" "/O$Out" packaging\windows\sapo-studio.iss
if ($LASTEXITCODE -ne 0) { throw "The installer could not be made" }
