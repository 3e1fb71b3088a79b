"""Opens the language model that a workspace names; its key is looked up here and nowhere before."""

from collections.abc import Mapping

from pipelines.contracts.codes import AnswerProblem
from pipelines.contracts.settings.interests import LanguageModelSettings
from resources.control.workspace.secrets import SecretMissingError, resolve_secrets
from resources.language_model.openai_compatible import OpenAICompatibleModel
from resources.language_model.protocol import LanguageModel, LanguageModelError


def open_language_model(settings: LanguageModelSettings, variables: Mapping[str, str]) -> LanguageModel:
    """The configured model.

    Args:
        settings: Where it is and what it may cost.
        variables: Environment in which the reference to the key is looked up.

    Raises:
        LanguageModelError: The key is not set, or the extra `llm` is not installed.
    """
    try:
        resolved = resolve_secrets({"interests.language_model.api_key": settings.api_key}, variables)
    except SecretMissingError as error:
        raise LanguageModelError(str(error), problem=AnswerProblem.REFUSED, is_final=True) from None
    (key,) = resolved.values()
    return OpenAICompatibleModel(settings, api_key=None if key is None else str(key))
