"""What is kept in the settings file."""

from sapo_ui.services.settings import Settings


def test_settings_survive_and_refuse_nonsense():
    settings = Settings()
    assert settings.theme == "system"
    settings.set_text("theme", "purple")
    assert settings.theme == "system"
    settings.theme = "light"
    settings.set_text("search", "a, b = c")
    settings.save()
    again = Settings()
    assert (again.theme, again.text("search"), again.blob("geometry")) == ("light", "a, b = c", None)
    assert again.text("never saved", "none") == "none"
