# packaging/windows.ps1: the packaged program for Windows in dist\smalti, its zip and, where Inno Setup 6.3 is, its installer.
# NOT RUN by the project so far: there was no Windows machine. Python 3.11 or newer from python.org, in the root folder:
#     powershell -ExecutionPolicy Bypass -File packaging\windows.ps1
$ErrorActionPreference = "Stop"
function Need($what) { if ($LASTEXITCODE -ne 0) { throw "$what failed" } }

py -3 -m venv --clear .venv-desktop; Need "venv"
$python = ".venv-desktop\Scripts\python.exe"
& $python -m pip install --quiet -c constraints.txt -e ".[app]" "pyinstaller>=6.11"; Need "pip"
if (Test-Path dist\smalti) { Remove-Item -Recurse dist\smalti }
& $python -m PyInstaller --noconfirm --log-level WARN --workpath build\desktop packaging\smalti.spec; Need "PyInstaller"
$version = (& dist\smalti\smalti.exe --version).Split(" ")[-1]
Compress-Archive -Force -Path dist\smalti -DestinationPath "dist\smalti-$version-windows-x86_64.zip"
$inno = "${env:ProgramFiles(x86)}\Inno Setup 6\ISCC.exe"
if (Test-Path $inno) { & $inno "/DVersion=$version" packaging\windows.iss; Need "Inno Setup" }
