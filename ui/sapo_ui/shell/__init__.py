"""What puts the window together: the main window with its menus, the lists of panels, and what belongs to no feature
(help, crash reports, notifications). Nothing but the composition root imports it."""
