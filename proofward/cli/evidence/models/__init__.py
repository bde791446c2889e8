"""Commands on models: taken home, brought in, evaluated, stated."""
