"""The table of ocalls (wapo-abi.md section 3, docs/abi.md for numbers from 1000 up): number, name, kind.

Which function serves a number is the business of ``vm`` and ``agents``; here is only what the bytes mean.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["CALLS", "GET_RETURN", "Ocall"]


@dataclass(frozen=True, slots=True)
class Ocall:
    """One call. ``fast`` calls answer in the result word, the others leave bytes to be fetched with number 0."""

    number: int
    name: str
    fast: bool


def _table(*rows: tuple[int, str, str]) -> dict[int, Ocall]:
    return {number: Ocall(number, name, kind == "F") for number, name, kind in rows}


GET_RETURN: Final = 0

CALLS: Final = _table(
    (0, "get_return", "F"),
    (101, "close", "F"),
    (102, "poll", "S"),
    (103, "poll_read", "F"),
    (104, "poll_write", "F"),
    (105, "poll_shutdown", "F"),
    (106, "poll_res", "F"),
    (109, "mark_task_ready", "F"),
    (110, "next_ready_task", "F"),
    (111, "enable_ocall_trace", "F"),
    (112, "awake_wakers", "S"),
    (113, "getrandom", "F"),
    (201, "create_timer", "F"),
    (202, "oneshot_send", "F"),
    (203, "reset_timer", "F"),
    (204, "oneshot_send_error", "F"),
    (210, "tcp_listen", "F"),
    (211, "tcp_accept", "S"),
    (212, "tcp_accept_no_addr", "F"),
    (213, "tcp_connect", "F"),
    (214, "tcp_connect_tls", "F"),
    (215, "tls_listen_sni", "F"),
    (220, "log", "F"),
    (230, "local_cache_get", "S"),
    (231, "local_cache_set", "F"),
    (232, "local_cache_set_expiration", "F"),
    (233, "local_cache_remove", "S"),
    (240, "create_input_channel", "S"),
    (242, "app_address", "S"),
    (243, "emit_program_output", "F"),
    (244, "blob_get", "S"),
    (250, "sign", "S"),
    (251, "worker_pubkey", "S"),
    (252, "sgx_quote", "S"),
    (253, "tip", "F"),
    (254, "app_gas_consumed", "S"),
    (255, "derive_secret", "S"),
    (260, "read_boot_data", "S"),
    (261, "write_boot_data", "S"),
    (262, "app_try_lock", "F"),
    (263, "app_unlock", "F"),
    # Ours
    (1000, "drain_wakers", "F"),
    (1001, "next_command", "F"),
    (1002, "loaded", "F"),
    (1003, "respond", "F"),
    (1004, "output", "F"),
    (1005, "fail", "F"),
    (1006, "touched", "F"),
    (1007, "keep_alive", "F"),
    (1008, "ready_list", "F"),
    (1020, "hash", "F"),
    (1021, "hash_open", "F"),
    (1022, "hash_update", "F"),
    (1023, "hash_finish", "F"),
    (1030, "crypto", "F"),
    (1031, "crypto_start", "F"),
    (1032, "crypto_result", "F"),
    (1033, "crypto_wait", "S"),
    (1040, "time_zone", "F"),
    (1080, "coder_open", "F"),
    (1081, "coder_write", "F"),
    (1082, "coder_read", "F"),
    (1100, "http_open", "F"),
    (1101, "http_head", "F"),
    (1102, "error_text", "F"),
    (1110, "websocket_open", "F"),
    (1111, "websocket_event", "F"),
    (1112, "websocket_send", "F"),
    (1113, "websocket_close", "F"),
    (1114, "websocket_accept", "F"),
    (1120, "start_tls", "F"),
    (1121, "name_lookup", "F"),
    (1200, "isolate_open", "F"),
    (1210, "http_serve", "F"),
    (1211, "listener_port", "F"),
    (1250, "module_name", "S"),
    (1251, "module_source", "S"),
)
