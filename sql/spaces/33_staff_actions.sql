-- What else those who run a space decide, on record.

CREATE OR REPLACE TRIGGER space_rules_record_staff_action
    AFTER INSERT OR UPDATE OR DELETE ON space_rules FOR EACH ROW
    EXECUTE FUNCTION record_staff_action('space_rule');
CREATE OR REPLACE TRIGGER privilege_thresholds_record_staff_action
    AFTER INSERT OR UPDATE OR DELETE ON privilege_thresholds FOR EACH ROW
    EXECUTE FUNCTION record_staff_action('privilege_threshold');
CREATE OR REPLACE TRIGGER post_templates_record_staff_action
    AFTER INSERT OR UPDATE OR DELETE ON post_templates FOR EACH ROW
    EXECUTE FUNCTION record_staff_action('post_template');
CREATE OR REPLACE TRIGGER tag_synonyms_record_staff_action
    AFTER INSERT OR UPDATE OR DELETE ON tag_synonyms FOR EACH ROW
    EXECUTE FUNCTION record_staff_action('tag_synonym');
CREATE OR REPLACE TRIGGER topic_pages_record_staff_action
    AFTER INSERT OR UPDATE OR DELETE ON topic_pages FOR EACH ROW
    EXECUTE FUNCTION record_staff_action('topic_page');
CREATE OR REPLACE TRIGGER questions_record_closing
    AFTER UPDATE OF closed_at ON questions FOR EACH ROW WHEN (OLD.closed_at IS DISTINCT FROM NEW.closed_at)
    EXECUTE FUNCTION record_staff_action('question');
