/*
 * errors.h - the one place where the words of errors stand that a client sees.
 *
 * An error is a row of ERRORS_LIST; %s in its text stands for the name of the command that runs
 * ("set", "config|set"). Pure parsers return an enum client_error (ERROR_NONE: fine), and the
 * handler passes it to errors_reply(). Statuses of the layers below get their words in
 * errors_reply_status(). Texts are Redis's where Redis has the error.
 *
 * Pure except for the reply they write to; any thread.
 */
#ifndef SCDB_COMMANDS_ERRORS_H
#define SCDB_COMMANDS_ERRORS_H

#include "base/status.h"
#include "server/command.h"

#include <stddef.h>

/* X(NAME, "text") */
#define ERRORS_LIST(X)                                                                             \
    X(SYNTAX, "ERR syntax error")                                                                  \
    X(ARITY, "ERR wrong number of arguments for '%s' command")                                     \
    X(NOT_INTEGER, "ERR value is not an integer or out of range")                                  \
    X(OUT_OF_RANGE, "ERR value is out of range")                                                   \
    X(OUT_OF_RANGE_POSITIVE, "ERR value is out of range, must be positive")                        \
    X(OUT_OF_INT_RANGE,                                                                            \
      "ERR value is out of range, value must between -2147483648 and 2147483647")                  \
    X(NOT_FLOAT, "ERR value is not a valid float")                                                 \
    X(WRONG_TYPE, "WRONGTYPE Operation against a key holding the wrong kind of value")             \
    X(NO_SUCH_KEY, "ERR no such key")                                                              \
    X(SAME_OBJECT, "ERR source and destination objects are the same")                              \
    X(INVALID_EXPIRE, "ERR invalid expire time in '%s' command")                                   \
    X(UNSUPPORTED_OPTION, "ERR Unsupported option %s")                                             \
    X(EXPIRE_NX_AND_OTHERS, "ERR NX and XX, GT or LT options at the same time are not compatible") \
    X(EXPIRE_GT_AND_LT, "ERR GT and LT options at the same time are not compatible")               \
    X(INCREMENT_OVERFLOW, "ERR increment or decrement would overflow")                             \
    X(DECREMENT_OVERFLOW, "ERR decrement would overflow")                                          \
    X(INCREMENT_NOT_FINITE, "ERR increment would produce NaN or Infinity")                         \
    X(OFFSET_RANGE, "ERR offset is out of range")                                                  \
    X(STRING_TOO_LONG, "ERR string exceeds maximum allowed size (proto-max-bulk-len)")             \
    X(BIT_OFFSET, "ERR bit offset is not an integer or out of range")                              \
    X(BIT_VALUE, "ERR bit is not an integer or out of range")                                      \
    X(BIT_WANTED, "ERR The bit argument must be 1 or 0.")                                          \
    X(BITOP_NOT_SOURCES, "ERR BITOP NOT must be called with a single source key.")                 \
    X(BITFIELD_TYPE,                                                                               \
      ("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not "               \
       "supported but i64 is."))                                                                   \
    X(BITFIELD_OVERFLOW, "ERR Invalid OVERFLOW type specified")                                    \
    X(BITFIELD_READ_ONLY, "ERR BITFIELD_RO only supports the GET subcommand")                      \
    X(HLL_WRONG_TYPE, "WRONGTYPE Key is not a valid HyperLogLog string value.")                    \
    X(HLL_CORRUPT, "INVALIDOBJ Corrupted HLL object detected")                                     \
    X(HLL_NO_SUCH_KEY, "ERR The specified key does not exist")                                     \
    X(HLL_NOT_SPARSE, "ERR HLL encoding is not sparse")                                            \
    X(HLL_UNKNOWN_SUBCOMMAND, "ERR Unknown PFDEBUG subcommand '%s'")                               \
    X(KEY_EXISTS, "BUSYKEY Target key name already exists.")                                       \
    X(TTL_NEGATIVE, "ERR Invalid TTL value, must be >= 0")                                         \
    X(IDLETIME_NEGATIVE, "ERR Invalid IDLETIME value, must be >= 0")                               \
    X(FREQ_RANGE, "ERR Invalid FREQ value, must be >= 0 and <= 255")                               \
    X(DUMP_CHECKSUM, "ERR DUMP payload version or checksum are wrong")                             \
    X(DUMP_FORMAT, "ERR Bad data format")                                                          \
    X(DUMP_OTHER_TYPE, "ERR Bad data format: the value is not a string, and scdb has no others")   \
    X(INVALID_CURSOR, "ERR invalid cursor")                                                        \
    X(DATABASE_RANGE, "ERR DB index is out of range")                                              \
    X(FIRST_DATABASE_INVALID, "ERR invalid first DB index")                                        \
    X(SECOND_DATABASE_INVALID, "ERR invalid second DB index")                                      \
    X(LCS_WITH_LEN_AND_IDX, "ERR If you want both the length and indexes, please just use IDX.")   \
    X(LCS_WRONG_TYPE, "ERR The specified keys must contain string values")                         \
    X(LCS_TOO_LONG, "ERR String too long for LCS")                                                 \
    X(LCS_TOO_MUCH_MEMORY,                                                                         \
      "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")              \
    X(LCS_NO_MEMORY, "ERR Insufficient memory, failed allocating transient memory for LCS")        \
    X(NOT_LFU,                                                                                     \
      ("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "   \
       "that when switching between policies at runtime LRU and LFU data will take some time to "  \
       "adjust."))                                                                                 \
    X(AUTHENTICATION_REQUIRED, "NOAUTH Authentication required.")                                  \
    X(SUBSCRIBED,                                                                                  \
      "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "  \
      "allowed in this context")                                                                   \
    X(PUBSUB_ARGUMENTS,                                                                            \
      "ERR unknown subcommand or wrong number of arguments for '%s'. Try PUBSUB HELP.")            \
    X(SUBSCRIBE_IN_TRANSACTION, "ERR %s isn't allowed for a DENY BLOCKING client")                 \
    X(NO_RIGHT_TO_COMMAND, "NOPERM this user has no permissions to run the '%s' command")          \
    X(NO_RIGHT_TO_KEY,                                                                             \
      "NOPERM this user has no permissions to access one of the keys used as arguments")           \
    X(NO_RIGHT_TO_CHANNEL,                                                                         \
      "NOPERM this user has no permissions to access one of the channels used as arguments")       \
    X(RIGHTS_CHANGED,                                                                              \
      ("NOPERM ACLs rules changed between the moment the transaction was accumulated and the "     \
       "EXEC call. This command is no longer allowed for the following reason: %s"))               \
    X(ACL_ARGUMENTS,                                                                               \
      "ERR unknown subcommand or wrong number of arguments for '%s'. Try ACL HELP.")               \
    X(ACL_CATEGORY, "ERR Unknown category '%s'")                                                   \
    X(ACL_NAME, "ERR Usernames can't contain spaces or null characters")                           \
    X(ACL_DEFAULT_STAYS, "ERR The 'default' user cannot be removed")                               \
    X(ACL_NO_USER, "ERR User '%s' not found")                                                      \
    X(ACL_NO_COMMAND, "ERR Command '%s' not found")                                                \
    X(ACL_PASSWORD_BITS,                                                                           \
      ("ERR ACL GENPASS argument must be the number of bits for the output password, a positive "  \
       "number up to 4096"))                                                                       \
    X(ACL_NO_FILE,                                                                                 \
      ("ERR This Redis instance is not configured to use an ACL file. You may want to specify "    \
       "users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a "   \
       "Redis configuration file set) in order to store users in the Redis configuration."))       \
    X(ACL_NOT_SAVED,                                                                               \
      ("ERR There was an error trying to save the ACLs. Please check the server logs for more "    \
       "information"))                                                                             \
    X(MONITORING, "ERR Replica can't interact with the keyspace")                                  \
    X(DEBUG_FORBIDDEN,                                                                             \
      ("ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", "   \
       "you can run it from a local connection, otherwise you need to set this option in the "     \
       "configuration file, and then restart the server."))                                        \
    X(MODULES_FORBIDDEN,                                                                           \
      ("ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", " \
       "you can run it from a local connection, otherwise you need to set this option in the "     \
       "configuration file, and then restart the server."))                                        \
    X(NOT_IN_TRANSACTION, "ERR Command not allowed inside a transaction")                          \
    X(NESTED_MULTI, "ERR MULTI calls can not be nested")                                           \
    X(WATCH_INSIDE_MULTI, "ERR WATCH inside MULTI is not allowed")                                 \
    X(EXEC_WITHOUT_MULTI, "ERR EXEC without MULTI")                                                \
    X(DISCARD_WITHOUT_MULTI, "ERR DISCARD without MULTI")                                          \
    X(EXEC_ABORTED, "EXECABORT Transaction discarded because of previous errors.")                 \
    X(EXEC_ABORTED_BECAUSE, "EXECABORT Transaction discarded because of: %s")                      \
    X(TOO_FEW_REPLICAS, "NOREPLICAS Not enough good replicas to write.")                           \
    X(OVER_MAXMEMORY, "OOM command not allowed when used memory > 'maxmemory'.")                   \
    X(LFU_SELECTED,                                                                                \
      ("ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "    \
       "switching between policies at runtime LRU and LFU data will take some time to adjust."))   \
    X(NO_MEMORY, "OOM command not allowed when out of memory")                                     \
    X(READ_ONLY, "READONLY You can't write: the store was opened read-only (read-only yes)")

enum client_error {
    ERROR_NONE,
#define ERRORS_ENUM(name, text) ERROR_##name,
    ERRORS_LIST(ERRORS_ENUM)
#undef ERRORS_ENUM
};

/* The text of an error, with its %s; a static string. */
const char *errors_text(enum client_error error);

/* Writes the text with `subject` in the place of its %s, truncated to the array. */
#define ERRORS_TEXT_SIZE_MAX 512
void errors_format(enum client_error error, struct slice subject, char text[ERRORS_TEXT_SIZE_MAX]);

/* Replies with the error; %s in its text becomes the command's full name. */
void errors_reply(const struct call *call, enum client_error error);

/* The same for a command that has not come to a call. */
void errors_reply_for(struct reply *reply, const struct command *command, enum client_error error);

/* Replies with the error; %s in its text becomes `subject` (up to its first NUL, as in Redis). */
void errors_reply_about(struct reply *reply, enum client_error error, struct slice subject);

/* Replies with the words for a status of the layers below (not OK). NOT_FOUND is "no such key":
 * commands for which absence is no error handle it before. */
void errors_reply_status(const struct call *call, enum status status);

/* "unknown command 'x', with args beginning with: ..." */
void errors_reply_unknown_command(struct reply *reply, const struct slice *arguments, size_t count);

/* "unknown subcommand or wrong number of arguments for 'x'. Try PARENT HELP." */
void errors_reply_wrong_use(struct reply *reply, const struct command *parent, struct slice name);

/* "unknown subcommand 'x'. Try PARENT HELP." */
void errors_reply_unknown_subcommand(struct reply *reply, const struct command *parent,
                                     struct slice name);

#endif
