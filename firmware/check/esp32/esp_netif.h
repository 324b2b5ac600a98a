#pragma once

#include <esp_err.h>

typedef esp_err_t (*esp_netif_callback_fn)(void* ctx);

extern "C" esp_err_t esp_netif_tcpip_exec(esp_netif_callback_fn fn, void* ctx);
