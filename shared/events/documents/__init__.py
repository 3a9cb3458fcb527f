"""What integrators read, generated from the event models: JSON Schemas, and the AsyncAPI document."""

from shared.events.documents.asyncapi import asyncapi_document
from shared.events.documents.schemas import schema_document, write_schemas

__all__ = ["asyncapi_document", "schema_document", "write_schemas"]
