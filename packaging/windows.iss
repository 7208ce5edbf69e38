; The installer for Windows, by Inno Setup 6.3 or newer; packaging/windows.ps1 calls it. NOT RUN by the project so far.
; Installs for the current user, without the rights of an administrator.
[Setup]
AppName=Smalti
AppVersion={#Version}
AppId=Smalti
DefaultDirName={autopf}\Smalti
PrivilegesRequired=lowest
DisableProgramGroupPage=yes
OutputDir=..\dist
OutputBaseFilename=smalti-{#Version}-windows-x86_64-setup
Compression=lzma2/max
SolidCompression=yes
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible

[Files]
Source: "..\dist\smalti\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[Icons]
Name: "{autoprograms}\Smalti"; Filename: "{app}\smalti.exe"; Parameters: "app"

[Run]
Filename: "{app}\smalti.exe"; Parameters: "app"; Description: "Open Smalti"; Flags: postinstall nowait skipifsilent
