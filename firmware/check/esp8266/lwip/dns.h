#pragma once

#include <stdint.h>

typedef int8_t err_t;
enum { ERR_OK = 0, ERR_INPROGRESS = -5 };

typedef struct ip_addr {
  uint32_t addr;
} ip_addr_t;

typedef void (*dns_found_callback)(const char* name, const ip_addr_t* ipaddr, void* callback_arg);

extern "C" err_t dns_gethostbyname(const char* hostname, ip_addr_t* addr, dns_found_callback found, void* callback_arg);
