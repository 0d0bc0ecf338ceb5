"""Alembic's entry: runs on the connection that `database.upgrade` holds the lock on."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
