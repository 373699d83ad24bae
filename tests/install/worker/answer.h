/* What the answer says of itself. */
#define ANSWER_TYPE "answer"
#define ANSWER_SOURCE "urn:com.example.answer"
