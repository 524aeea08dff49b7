"""Alembic's environment: runs the history on the connection it is given. There is no offline mode and no autogeneration."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True, render_as_batch=False)
context.run_migrations()
