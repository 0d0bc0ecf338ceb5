"""Resumable uploads: sessions, the files that they announce, and the chunks that have come."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE upload_sessions (
            session_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            token text NOT NULL CONSTRAINT upload_sessions_token_key UNIQUE,
            tenant_id integer NOT NULL
                CONSTRAINT upload_sessions_tenant_id_fkey REFERENCES tenants,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL
        );
        CREATE INDEX upload_sessions_expires_at_idx ON upload_sessions (expires_at);

        CREATE TABLE upload_session_files (
            session_file_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            session_id bigint NOT NULL CONSTRAINT upload_session_files_session_id_fkey
                REFERENCES upload_sessions ON DELETE CASCADE,
            file_name text NOT NULL,
            type text NOT NULL,
            bytes bigint NOT NULL,
            sha256 text NOT NULL,
            upload_id bigint
                CONSTRAINT upload_session_files_upload_id_fkey REFERENCES uploads,
            CONSTRAINT upload_session_files_session_id_file_name_key
                UNIQUE (session_id, file_name)
        );

        CREATE TABLE upload_chunks (
            session_file_id bigint NOT NULL CONSTRAINT upload_chunks_session_file_id_fkey
                REFERENCES upload_session_files ON DELETE CASCADE,
            first_byte bigint NOT NULL,
            last_byte bigint NOT NULL,
            sha256 text NOT NULL,
            location text NOT NULL,
            CONSTRAINT upload_chunks_pkey PRIMARY KEY (session_file_id, first_byte)
        );
    """)
