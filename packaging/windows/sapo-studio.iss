; The installer for Windows 10 and newer, by Inno Setup 6: for one user, so that no rights are asked for.
; Made by packaging\windows\build.ps1. Not run yet.
#ifndef Version
  #define Version "0.0.0"
#endif
#define Name "SAPO Studio"

[Setup]
AppId={{6C0E6C0B-2B1C-4C52-9B0C-5A5053545544}
AppName={#Name}
AppVersion={#Version}
AppPublisher=The SAPO Studio developers
DefaultDirName={autopf}\SAPO Studio
DefaultGroupName={#Name}
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
LicenseFile=..\..\LICENSE
SetupIconFile=..\..\build\package\sapo-studio.ico
UninstallDisplayIcon={app}\sapo-studio.exe
OutputBaseFilename=sapo-studio-{#Version}-setup
Compression=lzma2
SolidCompression=yes
ChangesAssociations=yes
ChangesEnvironment=yes

[Files]
Source: "..\..\build\package\bundle\sapo-studio\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[Tasks]
Name: "path"; Description: "Have the command line find sapo"; Flags: unchecked

[Icons]
Name: "{group}\{#Name}"; Filename: "{app}\sapo-studio.exe"

[Registry]
Root: HKA; Subkey: "Software\Classes\.sapo"; ValueType: string; ValueData: "SAPOStudio.Bundle"; Flags: uninsdeletevalue
Root: HKA; Subkey: "Software\Classes\SAPOStudio.Bundle"; ValueType: string; ValueData: "SAPO annotation bundle"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\SAPOStudio.Bundle\DefaultIcon"; ValueType: string; ValueData: "{app}\sapo-studio.exe,0"
Root: HKA; Subkey: "Software\Classes\SAPOStudio.Bundle\shell\open\command"; ValueType: string; ValueData: """{app}\sapo-studio.exe"" ""%1"""
Root: HKCU; Subkey: "Environment"; ValueType: expandsz; ValueName: "Path"; ValueData: "{olddata};{app}"; Tasks: path; Check: NotOnPath

[Run]
Filename: "{app}\sapo-studio.exe"; Description: "Start {#Name}"; Flags: postinstall nowait skipifsilent

[Code]
function NotOnPath: Boolean;
var
  Found: string;
begin
  Result := not RegQueryStringValue(HKCU, 'Environment', 'Path', Found)
    or (Pos(';' + ExpandConstant('{app}') + ';', ';' + Found + ';') = 0);
end;
