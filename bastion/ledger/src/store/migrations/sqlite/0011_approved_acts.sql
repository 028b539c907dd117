-- `exact_text` holds the bytes of an act whose parts are told apart, where this says so (1). Before, what was a command
-- and what its standard input was not kept apart: such an approval stands for nothing any more.
ALTER TABLE approvals ADD COLUMN exact_form BIGINT;
